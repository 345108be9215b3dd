#include "engine/resampling.h"

#include <algorithm>
#include <vector>

#include "core/error.h"
#include "engine/rows_kernel.h"

namespace scoresde {
namespace {

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

constexpr Size most_terms = 64;

Axis transposed(const Axis& axis, Size in) {
  Axis result(static_cast<std::size_t>(in));
  for (std::size_t i = 0; i < axis.size(); ++i)
    for (const AxisTerm& term : axis[i])
      result[static_cast<std::size_t>(term.from)].push_back({static_cast<Size>(i), term.weight});
  return result;
}

}  // namespace

Resampling resampling_of(const Node& node, Size in_height, Size in_width) {
  const Size height = node.shape[1], width = node.shape[2];
  const auto both = [&](auto axis) {
    return Resampling{axis(in_height, height), axis(in_width, width), in_height, in_width};
  };
  switch (node.kind) {
    case OpKind::upsample:
      return both([](Size, Size out) { return nearest_axis(out); });
    case OpKind::downsample:
      return both([](Size in, Size) { return halving_axis(in); });
    case OpKind::bilinear:
      return both([&](Size in, Size out) { return bilinear_axis(in, out, !node.jax); });
    case OpKind::fir:
      return both(
          [&](Size in, Size out) { return filter_axis(node.taps, node.up, node.stride, node.padding, in, out); });
    default:
      fail(Failure::run, "the op '{}' is no resampling", kind_name(node.kind));
  }
}

Resampling transposed(const Resampling& r) {
  return {transposed(r.down, r.in_height), transposed(r.across, r.in_width), static_cast<Size>(r.down.size()),
          static_cast<Size>(r.across.size())};
}

// Both axes at once: every output row of channels is a weighted sum of input rows.
KernelPtr make_resampling(const Resampling& resampling, const Place& x, const Sink& sink) {
  const Place y = sink.y;
  const auto width = static_cast<Size>(resampling.across.size());
  const Size in_pixels = resampling.in_height * resampling.in_width;
  return row_kernel(y, [=](const Run& run, Size row) {
    const float* rows[most_terms];
    float weights[most_terms];
    Size count = 0;
    float* const out = row_to(run, y, row);
    const auto add = [&](const float* from, float weight) {
      if (count == most_terms) {  // the sum so far becomes a term
        simd::combine_rows(rows, weights, count, y.channels, out);
        rows[0] = out, weights[0] = 1, count = 1;
      }
      rows[count] = from, weights[count++] = weight;
    };
    if (sink.add) add(row_of(run, sink.base, row), sink.scale);
    const float* const in = row_of(run, x, row / y.rows * in_pixels);
    for (const AxisTerm& a : resampling.down[static_cast<std::size_t>(row % y.rows / width)])
      for (const AxisTerm& b : resampling.across[static_cast<std::size_t>(row % y.rows % width)])
        add(in + (a.from * resampling.in_width + b.from) * x.stride, a.weight * b.weight);
    simd::combine_rows(rows, weights, count, y.channels, out);
  });
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
