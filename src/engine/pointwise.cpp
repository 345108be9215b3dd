#include <algorithm>
#include <cmath>

#include "engine/rows_kernel.h"

namespace scoresde {

KernelPtr make_activation(simd::Activation activation, double slope, const Place& x, const Place& y) {
  return rows_kernel(y, [=](const Run& run, Run::Share share) {
    simd::activate(activation, static_cast<float>(slope), {row_of(run, x, share.first), x.stride},
                   share.last - share.first, x.channels, {row_to(run, y, share.first), y.stride});
  });
}

KernelPtr make_add(const Place& a, const Place& b, double scale, const Place& y) {
  const auto factor = static_cast<float>(scale);
  if (a.rows == b.rows && a.shared == b.shared)
    return rows_kernel(y, [=](const Run& run, Run::Share share) {
      simd::add({row_of(run, a, share.first), a.stride}, {row_of(run, b, share.first), b.stride},
                share.last - share.first, y.channels, factor, {row_to(run, y, share.first), y.stride});
    });
  return row_kernel(y, [=](const Run& run, Size row) {
    const Size other = b.shared ? row % y.rows % b.rows : row / y.rows * b.rows + row % y.rows % b.rows;
    simd::add({row_of(run, a, row), a.stride}, {row_of(run, b, other), b.stride}, 1, y.channels, factor,
              {row_to(run, y, row), y.stride});
  });
}

KernelPtr make_modulate(const Place& x, const Place& scale_shift, const Place& y) {
  return row_kernel(y, [=](const Run& run, Size row) {
    const float* const scale = row_of(run, scale_shift, scale_shift.shared ? 0 : row / y.rows);
    const float *const shift = scale + y.channels, *const in = row_of(run, x, row);
    float* const out = row_to(run, y, row);
    for (Size c = 0; c < y.channels; ++c) out[c] = (1 + scale[c]) * in[c] + shift[c];
  });
}

KernelPtr make_copy(const Place& x, const Place& y) {
  return row_kernel(y, [=](const Run& run, Size row) {
    std::copy_n(row_of(run, x, x.shared ? row % x.rows : row), x.channels, row_to(run, y, row));
  });
}

KernelPtr make_divide_exp(const Place& x, const Place& exponent, const Place& y) {
  return row_kernel(y, [=](const Run& run, Size row) {
    const float factor = std::exp(-*row_of(run, exponent, exponent.shared ? 0 : row / y.rows));
    const float* const in = row_of(run, x, row);
    simd::combine_rows(&in, &factor, 1, y.channels, row_to(run, y, row));
  });
}

KernelPtr make_global_mean(const Place& x, const Place& y) {
  return row_kernel(y, [=](const Run& run, Size sample) {
    for (Size k = 0; k < x.channels; ++k) {
      double sum = 0;
      for (Size row = 0; row < x.rows; ++row) sum += static_cast<double>(row_of(run, x, sample * x.rows + row)[k]);
      row_to(run, y, sample)[k] = static_cast<float>(sum / static_cast<double>(x.rows));
    }
  });
}

}  // namespace scoresde
