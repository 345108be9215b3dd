#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "engine/rows_kernel.h"

namespace scoresde {

KernelPtr make_label(double scale, double offset, bool log, const Place& label, const Place& y) {
  return row_kernel(y, [=](const Run& run, Size row) {
    const float value = *row_of(run, label, row);
    *row_to(run, y, row) = (log ? std::log(value) : value) * static_cast<float>(scale) + static_cast<float>(offset);
  });
}

KernelPtr make_fourier(const float* frequencies, const Place& label, const Place& y) {
  const Size half = y.channels / 2;
  const std::vector<float> table(frequencies, frequencies + half);
  return row_kernel(y, [=](const Run& run, Size row) {
    float* const out = row_to(run, y, row);
    for (Size k = 0; k < half; ++k) {
      const double angle = static_cast<double>(*row_of(run, label, row)) *
                           static_cast<double>(table[static_cast<std::size_t>(k)]) * 2 * std::numbers::pi;
      out[k] = static_cast<float>(std::sin(angle));
      out[half + k] = static_cast<float>(std::cos(angle));
    }
  });
}

KernelPtr make_positional(double largest, const Place& label, const Place& y) {
  const Size half = y.channels / 2;
  const double step = -std::log(largest) / static_cast<double>(std::max<Size>(half - 1, 1));
  return row_kernel(y, [=](const Run& run, Size row) {
    float* const out = row_to(run, y, row);
    for (Size k = 0; k < half; ++k) {
      const double angle = static_cast<double>(*row_of(run, label, row)) * std::exp(static_cast<double>(k) * step);
      out[k] = static_cast<float>(std::sin(angle));
      out[half + k] = static_cast<float>(std::cos(angle));
    }
    if (y.channels % 2 == 1) out[y.channels - 1] = 0;
  });
}

KernelPtr make_level(double last, const Place& label, const Place& y) {
  return row_kernel(y, [=](const Run& run, Size row) {
    *row_to(run, y, row) = std::clamp(std::nearbyint(*row_of(run, label, row)), 0.0f, static_cast<float>(last));
  });
}

KernelPtr make_embedding(const float* table, Size rows, const Place& index, const Place& y) {
  const std::vector<float> values(table, table + rows * y.channels);
  return row_kernel(y, [=](const Run& run, Size row) {
    std::copy_n(values.data() + static_cast<Size>(*row_of(run, index, row)) * y.channels, y.channels,
                row_to(run, y, row));
  });
}

}  // namespace scoresde
