#include <algorithm>
#include <vector>

#include "engine/rows_kernel.h"

namespace scoresde {
namespace {

/// One axis of a linear resampling: output i is the sum of `weight` times input `from` over its terms.
struct AxisTerm {
  Size from;
  float weight;
};
using Axis = std::vector<std::vector<AxisTerm>>;

Axis nearest_axis(Size size) {
  Axis axis;
  for (Size i = 0; i < size; ++i) axis.push_back({{i / 2, 1}});
  return axis;
}

Axis halving_axis(Size in) {
  Axis axis;
  for (Size i = 0; i < in; i += 2) {
    if (i + 1 < in)
      axis.push_back({{i, 0.5f}, {i + 1, 0.5f}});
    else
      axis.push_back({{i, 1}});
  }
  return axis;
}

// Corner pixels on corners, or pixels' middles where they are.
Axis bilinear_axis(Size in, Size size, bool corners) {
  Axis axis;
  for (Size i = 0; i < size; ++i) {
    const double middle = (static_cast<double>(i) + 0.5) * static_cast<double>(in) / static_cast<double>(size) - 0.5;
    const double corner = size > 1 ? static_cast<double>(i * (in - 1)) / static_cast<double>(size - 1) : 0;
    const double at = corners ? corner : std::max(0.0, middle);
    const Size low = std::min(static_cast<Size>(at), in - 1), high = std::min(low + 1, in - 1);
    const double share = at - static_cast<double>(low);
    axis.push_back({{low, static_cast<float>(1 - share)}, {high, static_cast<float>(share)}});
  }
  return axis;
}

// Zeros put in and around, a true convolution (the taps turned around), every `down`-th value kept.
Axis filter_axis(const std::vector<double>& taps, int up, int down, int before, Size in, Size size) {
  Axis axis(static_cast<std::size_t>(size));
  const auto count = static_cast<Size>(taps.size());
  for (Size i = 0; i < size; ++i)
    for (Size j = 0; j < count; ++j) {
      const Size at = i * down + j - before;
      if (at < 0 || at % up != 0 || at / up >= in) continue;
      axis[static_cast<std::size_t>(i)].push_back(
          {at / up, static_cast<float>(taps[static_cast<std::size_t>(count - 1 - j)])});
    }
  return axis;
}

constexpr std::size_t most_terms = most_fir_taps * most_fir_taps;

// Both axes at once: every output row of channels is a weighted sum of input rows.
KernelPtr separable(const Axis& down, const Axis& across, Size in_height, Size in_width, const Place& x,
                    const Place& y) {
  const auto width = static_cast<Size>(across.size());
  return row_kernel(y, [=](const Run& run, Size row) {
    const float* rows[most_terms];
    float weights[most_terms];
    Size count = 0;
    const Size sample = row / y.rows;
    const Size i = row % y.rows / width, j = row % y.rows % width;
    for (const AxisTerm& a : down[static_cast<std::size_t>(i)])
      for (const AxisTerm& b : across[static_cast<std::size_t>(j)]) {
        rows[count] = row_of(run, x, (sample * in_height + a.from) * in_width + b.from);
        weights[count++] = a.weight * b.weight;
      }
    simd::combine_rows(rows, weights, count, y.channels, row_to(run, y, row));
  });
}

}  // namespace

KernelPtr make_upsample(Size height, Size width, const Place& x, const Place& y) {
  return separable(nearest_axis(height), nearest_axis(width), (height + 1) / 2, (width + 1) / 2, x, y);
}

KernelPtr make_downsample(Size in_height, Size in_width, const Place& x, const Place& y) {
  return separable(halving_axis(in_height), halving_axis(in_width), in_height, in_width, x, y);
}

KernelPtr make_bilinear(const ConvShape& shape, bool corners, const Place& x, const Place& y) {
  return separable(bilinear_axis(shape.in_height, shape.height, corners),
                   bilinear_axis(shape.in_width, shape.width, corners), shape.in_height, shape.in_width, x, y);
}

KernelPtr make_fir(const std::vector<double>& taps, int up, const ConvShape& shape, const Place& x, const Place& y) {
  const auto axis = [&](Size in, Size out) { return filter_axis(taps, up, shape.stride, shape.padding, in, out); };
  return separable(axis(shape.in_height, shape.height), axis(shape.in_width, shape.width), shape.in_height,
                   shape.in_width, x, y);
}

KernelPtr make_max_pool(const ConvShape& shape, const Place& x, const Place& y) {
  return row_kernel(y, [=](const Run& run, Size row) {
    const Size sample = row / y.rows, i = row % y.rows / shape.width, j = row % y.rows % shape.width;
    const Size reach = shape.kernel / 2;
    float* const out = row_to(run, y, row);
    std::copy_n(row_of(run, x, row), y.channels, out);
    for (Size a = std::max<Size>(0, i - reach); a <= std::min(shape.height - 1, i + reach); ++a)
      for (Size b = std::max<Size>(0, j - reach); b <= std::min(shape.width - 1, j + reach); ++b) {
        const float* const in = row_of(run, x, (sample * shape.height + a) * shape.width + b);
        for (Size k = 0; k < y.channels; ++k) out[k] = std::max(out[k], in[k]);
      }
  });
}

KernelPtr make_space_to_depth(Size height, Size width, int patch, const Place& x, const Place& y) {
  return row_kernel(y, [=](const Run& run, Size row) {
    const Size sample = row / (height * width), i = row / width % height, j = row % width;
    float* const out = row_to(run, y, row);
    for (Size down = 0; down < patch; ++down)
      for (Size across = 0; across < patch; ++across) {
        const Size from = (sample * height * patch + i * patch + down) * width * patch + j * patch + across;
        const float* const in = row_of(run, x, from);
        for (Size c = 0; c < x.channels; ++c) out[(c * patch + down) * patch + across] = in[c];
      }
  });
}

KernelPtr make_depth_to_space(Size height, Size width, int patch, const Place& x, const Place& y) {
  return row_kernel(y, [=](const Run& run, Size row) {
    const Size sample = row / y.rows, i = row % y.rows / (width * patch), j = row % y.rows % (width * patch);
    const float* const in = row_of(run, x, (sample * height + i / patch) * width + j / patch);
    float* const out = row_to(run, y, row);
    for (Size c = 0; c < y.channels; ++c) out[c] = in[(c * patch + i % patch) * patch + j % patch];
  });
}

}  // namespace scoresde
