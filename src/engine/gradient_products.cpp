#include <algorithm>
#include <vector>

#include "engine/gradient_kernels.h"

namespace scoresde {
namespace {

constexpr Size tile_floats = simd::block * simd::block;

// dW = sum over pixels of x dy^T, x being the neighbourhood of a pixel laid out as one row.
class DirectWeightGradient : public Kernel {
 public:
  DirectWeightGradient(const ConvShape& shape, const Place& x, const Place& dy, Size sum)
      : shape_(shape),
        x_(x),
        dy_(dy),
        weights_{Size{shape.kernel} * shape.kernel, x.channels, dy.channels},
        sum_(sum) {}

  Size scratch(Size) const override { return rows_at_once() * (inner() + weights_.out_blocks() * simd::block); }

  void run(const Run& run) const override {
    float* const b = run.scratch + rows_at_once() * inner();
    const Size rows = run.rows(dy_), out_blocks = weights_.out_blocks();
    const float* pointers[most_rows];
    for (Size first = 0; first < rows; first += rows_at_once()) {
      const Size count = std::min(rows_at_once(), rows - first);
      gather(run.source(x_), first, count, run.scratch);
      for (Size i = 0; i < count; ++i) pointers[i] = run.source(dy_).data + (first + i) * dy_.stride;
      simd::pack_rows(pointers, count, dy_.channels, b);
      float* tile = run.shared + sum_;
      for (Size i = 0; i < inner() / simd::block; ++i)
        for (Size j = 0; j < out_blocks; ++j, tile += tile_floats)
          simd::outer_product(run.scratch + i * count * simd::block, b + j * count * simd::block, count, true, tile);
    }
  }

 private:
  static constexpr Size most_rows = 256;

  Size inner() const { return weights_.taps * weights_.in_blocks() * simd::block; }

  // Many rows a pass, because every pass reads and writes the whole sum.
  Size rows_at_once() const { return std::clamp<Size>((Size{1} << 17) / inner(), 32, most_rows); }

  void gather(simd::ConstMap x, Size first, Size count, float* packed) const {
    const float* rows[most_rows];
    for (Size tap = 0; tap < weights_.taps; ++tap, packed += count * weights_.in_blocks() * simd::block) {
      const Size down = tap / shape_.kernel * shape_.dilation - shape_.padding;
      const Size across = tap % shape_.kernel * shape_.dilation - shape_.padding;
      for (Size i = 0; i < count; ++i) {
        const Size pixel = (first + i) % dy_.rows, sample = (first + i) / dy_.rows;
        const Size row = pixel / shape_.width * shape_.stride + down,
                   column = pixel % shape_.width * shape_.stride + across;
        const bool inside = row >= 0 && row < shape_.in_height && column >= 0 && column < shape_.in_width;
        rows[i] = inside ? x.data + ((sample * shape_.in_height + row) * shape_.in_width + column) * x.stride : nullptr;
      }
      simd::pack_rows(rows, count, x_.channels, packed);
    }
  }

  ConvShape shape_;
  Place x_, dy_;
  WeightSum weights_;
  Size sum_;
};

class WinogradWeightGradient : public Kernel {
 public:
  WinogradWeightGradient(const ConvShape& shape, const Place& x, const Place& dy, Size sum)
      : shape_(shape), x_(x), dy_(dy), weights_{9, x.channels, dy.channels}, sum_(sum) {}

  Size scratch(Size samples) const override {
    const Size tiles = tiles_at_once(samples);
    return simd::winograd_points * (stride(weights_.in_blocks(), tiles) + stride(weights_.out_blocks(), tiles));
  }

  void run(const Run& run) const override {
    const simd::Picture picture = pictures(run.samples);
    const Size tiles = picture.tiles(), at_once = tiles_at_once(run.samples);
    const Size in_blocks = weights_.in_blocks(), out_blocks = weights_.out_blocks();
    float* const v = run.scratch;
    for (Size first = 0; first < tiles; first += at_once) {
      const Size count = std::min(at_once, tiles - first), part = count * simd::block;
      const Size v_stride = stride(in_blocks, count), u_stride = stride(out_blocks, count);
      float* const u = v + simd::winograd_points * v_stride;
      simd::winograd_input(picture, run.source(x_), x_.channels, first, count, v, v_stride);
      simd::winograd_slope(picture, run.source(dy_), dy_.channels, first, count, u, u_stride);
      float* tile = run.shared + sum_;
      for (Size i = 0; i < in_blocks; ++i)
        for (Size j = 0; j < out_blocks; ++j, tile += tile_floats)
          simd::winograd_outer_product(v + i * part, v_stride, u + j * part, u_stride, count, tile,
                                       in_blocks * out_blocks * tile_floats);
    }
  }

 private:
  simd::Picture pictures(Size samples) const { return {shape_.height, shape_.width, samples, false}; }

  static Size stride(Size blocks, Size tiles) { return simd::winograd_stride(blocks * tiles * simd::block); }

  // Each pass ends in a transform of every sum, which many tiles pay for.
  Size tiles_at_once(Size samples) const {
    const Size floats = simd::winograd_points * (weights_.in_blocks() + weights_.out_blocks()) * simd::block;
    return std::min(pictures(samples).tiles(), std::clamp<Size>((Size{1} << 20) / floats, 48, 256));
  }

  ConvShape shape_;
  Place x_, dy_;
  WeightSum weights_;
  Size sum_;
};

// dx of a convolution that skips pixels: the pixels of dx with the same remainders of their coordinates by the stride
// are reached by the same taps, and are computed together.
class StridedDataGradient : public Kernel {
 public:
  StridedDataGradient(const ConvShape& shape, const float* weight, float scale, const Place& dy, const Sink& dx)
      : shape_(shape), dy_(dy), dx_(dx), padded_(simd::round_up(dy.channels, simd::block)) {
    for (Size down = 0; down < shape.stride; ++down)
      for (Size across = 0; across < shape.stride; ++across) phases_.push_back(phase(down, across, weight, scale));
  }

  Size scratch(Size) const override { return most_columns * padded_ * Size{shape_.kernel} * shape_.kernel; }

  void run(const Run& run) const override {
    const Size step = most_columns * shape_.stride;
    for (Size sample = 0; sample < run.samples; ++sample)
      for (Size row = 0; row < shape_.in_height; ++row)
        for (Size begin = 0; begin < shape_.in_width; begin += step)
          for (Size column = begin; column < std::min(begin + shape_.stride, shape_.in_width); ++column)
            run_row(run, sample, row, column, std::min(begin + step, shape_.in_width));
  }

 private:
  static constexpr Size most_columns = 64;

  struct Tap {
    Size row, column;  // added to the coordinates of dx, the stride's multiple of those of dy
  };
  struct Phase {
    std::vector<Tap> taps;
    AlignedFloats weights;
  };

  Phase phase(Size down, Size across, const float* weight, float scale) const {
    const Size kernel = shape_.kernel, in = dx_.y.channels, out = dy_.channels;
    Phase result;
    std::vector<Size> indices;
    for (Size tap = 0; tap < kernel * kernel; ++tap) {
      const Tap t{shape_.padding - tap / kernel * shape_.dilation, shape_.padding - tap % kernel * shape_.dilation};
      if ((down + t.row) % shape_.stride != 0 || (across + t.column) % shape_.stride != 0) continue;
      result.taps.push_back(t);
      indices.push_back(tap);
    }
    const auto taps = static_cast<Size>(indices.size());
    AlignedFloats matrix(taps * padded_ * in);
    for (Size t = 0; t < taps; ++t)
      for (Size n = 0; n < out; ++n)
        for (Size c = 0; c < in; ++c)
          matrix.data()[(t * padded_ + n) * in + c] =
              scale * weight[(n * in + c) * kernel * kernel + indices[static_cast<std::size_t>(t)]];
    result.weights = AlignedFloats(simd::packed_size(taps * padded_, in));
    simd::pack_matrix(matrix.data(), in, 1, taps * padded_, in, result.weights.data());
    return result;
  }

  // Every `stride`-th pixel of a row of dx from `first` on.
  void run_row(const Run& run, Size sample, Size row, Size first, Size end) const {
    const Size stride = shape_.stride, count = (end - first + stride - 1) / stride;
    const Phase& phase = phases_[static_cast<std::size_t>(row % stride * stride + first % stride)];
    const float* rows[most_columns];
    float* packed = run.scratch;
    for (const Tap& tap : phase.taps) {
      const Size from = row + tap.row;
      for (Size i = 0; i < count; ++i) {
        const Size column = first + i * stride + tap.column;
        const bool inside = from >= 0 && from / stride < shape_.height && column >= 0 && column / stride < shape_.width;
        const Size pixel = (sample * shape_.height + from / stride) * shape_.width + column / stride;
        rows[i] = inside ? run.source(dy_).data + pixel * dy_.stride : nullptr;
      }
      simd::pack_rows(rows, count, dy_.channels, packed);
      packed += count * padded_;
    }
    const Size to = (sample * shape_.in_height + row) * shape_.in_width + first;
    const simd::Base base = dx_.base_at(run, to);
    simd::multiply(simd::ConstBlocks::packed(run.scratch, count),
                   static_cast<Size>(phase.taps.size()) * padded_ / simd::block, count, phase.weights.data(),
                   dx_.y.channels, {.residual = {base.map.data, base.map.stride * stride}},
                   {run.map(dx_.y).data + to * dx_.y.stride, dx_.y.stride * stride});
  }

  ConvShape shape_;
  Place dy_;
  Sink dx_;
  Size padded_;
  std::vector<Phase> phases_;
};

// Weights (in, out, k, k) with the taps turned around, times `scale`.
std::vector<float> transposed_weights(const float* weight, Size out, Size in, Size taps, float scale) {
  std::vector<float> result(static_cast<std::size_t>(out * in * taps));
  for (Size n = 0; n < out; ++n)
    for (Size c = 0; c < in; ++c)
      for (Size tap = 0; tap < taps; ++tap)
        result[static_cast<std::size_t>((c * out + n) * taps + taps - 1 - tap)] =
            scale * weight[(n * in + c) * taps + tap];
  return result;
}

class BiasGradient : public Kernel {
 public:
  BiasGradient(const Place& dy, Size sum) : dy_(dy), sum_(sum) {}

  Size scratch(Size) const override { return 2 * dy_.channels; }

  void run(const Run& run) const override {
    auto* const sums = reinterpret_cast<double*>(run.scratch);
    simd::column_sums(run.source(dy_), run.rows(dy_), dy_.channels, sums);
    for (Size c = 0; c < dy_.channels; ++c) run.shared[sum_ + c] += static_cast<float>(sums[c]);
  }

 private:
  Place dy_;
  Size sum_;
};

}  // namespace

KernelPtr make_weight_gradient(const ConvShape& shape, const Place& x, const Place& dy, Size sum) {
  if (prefers_winograd(shape, x.channels, dy.channels))
    return std::make_unique<WinogradWeightGradient>(shape, x, dy, sum);
  return std::make_unique<DirectWeightGradient>(shape, x, dy, sum);
}

KernelPtr make_data_gradient(const ConvShape& shape, const float* weight, bool turned, float scale, const Place& dy,
                             const Sink& dx) {
  if (shape.stride > 1) return std::make_unique<StridedDataGradient>(shape, weight, scale, dy, dx);
  const ConvShape back{shape.height,
                       shape.width,
                       shape.in_height,
                       shape.in_width,
                       shape.kernel,
                       1,
                       shape.dilation * (shape.kernel - 1) - shape.padding,
                       shape.dilation};
  const Size in = dx.y.channels, out = dy.channels, taps = Size{shape.kernel} * shape.kernel;
  std::vector<float> weights;
  if (turned) {
    weights.assign(weight, weight + in * out);
    for (float& w : weights) w *= scale;
  } else {
    weights = transposed_weights(weight, out, in, taps, scale);
  }
  const Absorbed absorbed{.residual = dx.add ? &dx.base : nullptr};
  if (prefers_winograd(back, out, in)) return make_winograd(back, weights.data(), nullptr, dy, dx.y, absorbed);
  return make_conv(back, weights.data(), nullptr, dy, dx.y, absorbed);
}

KernelPtr make_bias_gradient(const Place& dy, Size sum) { return std::make_unique<BiasGradient>(dy, sum); }

}  // namespace scoresde
