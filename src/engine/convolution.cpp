#include <algorithm>

#include "engine/kernel.h"

namespace scoresde {
namespace {

using simd::round_up;

simd::Finish finish_of(const Run& run, const AlignedFloats& bias, const Place* more_bias, const Place* residual,
                       double scale) {
  return {.bias = bias.data(),
          .more_bias = more_bias ? run.source(*more_bias).data : nullptr,
          .residual = residual ? run.source(*residual) : simd::ConstMap{nullptr, 0},
          .scale = static_cast<float>(scale)};
}

// The finishing arithmetic that both kinds of convolution share.
class ConvolutionKernel : public Kernel {
 public:
  ConvolutionKernel(const ConvShape& shape, const float* bias, const Place& x, const Place& y, const Absorbed& absorbed)
      : shape_(shape),
        x_(x),
        y_(y),
        bias_(round_up(y.channels, simd::block)),
        has_more_bias_(absorbed.more_bias != nullptr),
        has_residual_(absorbed.residual != nullptr),
        scale_(absorbed.scale) {
    if (bias) std::copy_n(bias, y.channels, bias_.data());
    if (has_more_bias_) more_bias_ = *absorbed.more_bias;
    if (has_residual_) residual_ = *absorbed.residual;
  }

 protected:
  simd::Finish finish(const Run& run) const {
    return finish_of(run, bias_, has_more_bias_ ? &more_bias_ : nullptr, has_residual_ ? &residual_ : nullptr, scale_);
  }

  bool residual_is(const Place& place) const {
    return has_residual_ && residual_.buffer == place.buffer && residual_.channel == place.channel;
  }

  // Where neighbour `tap` of each of `count` output pixels from the first-th on is, at rows[0], rows[step] ...; null
  // outside of the picture.
  void neighbours(simd::ConstMap x, Size first, Size count, Size tap, const float** rows, Size step) const {
    const Size down = tap / shape_.kernel * shape_.dilation - shape_.padding;
    const Size across = tap % shape_.kernel * shape_.dilation - shape_.padding;
    Size sample = first / y_.rows, i = first % y_.rows / shape_.width, j = first % shape_.width;
    for (Size r = 0; r < count; ++r, rows += step) {
      const Size row = i * shape_.stride + down, column = j * shape_.stride + across;
      const bool inside = row >= 0 && row < shape_.in_height && column >= 0 && column < shape_.in_width;
      *rows = inside ? x.data + ((sample * shape_.in_height + row) * shape_.in_width + column) * x.stride : nullptr;
      if (++j < shape_.width) continue;
      j = 0;
      if (++i == shape_.height) i = 0, ++sample;
    }
  }

  ConvShape shape_;
  Place x_, y_;

 private:
  AlignedFloats bias_;
  bool has_more_bias_, has_residual_;
  Place more_bias_, residual_;
  double scale_;
};

// An output pixel is the sum over the taps of the kernel of a neighbour times that tap's matrix. Neighbours are
// gathered tap by tap, so that rows and matrices stay in the caches however many inputs there are.
class DirectConvolution : public ConvolutionKernel {
 public:
  DirectConvolution(const ConvShape& shape, const float* weight, const float* bias, const Place& x, const Place& y,
                    const Absorbed& absorbed)
      : ConvolutionKernel(shape, bias, x, y, absorbed),
        taps_(Size{shape.kernel} * shape.kernel),
        products_(is_thin() ? 1 : taps_),
        inner_(round_up(taps_ / products_ * x.channels, simd::block)),
        weights_(products_ * matrix_size()) {
    AlignedFloats matrix(inner_ * y.channels);
    for (Size product = 0; product < products_; ++product) {
      for (Size n = 0; n < y.channels; ++n)
        for (Size k = 0; k < taps_ / products_ * x.channels; ++k)
          matrix.data()[k * y.channels + n] =
              weight[(n * x.channels + k % x.channels) * taps_ + product + k / x.channels];
      simd::pack_matrix(matrix.data(), y.channels, 1, inner_, y.channels, weights_.data() + product * matrix_size());
    }
  }

  Size scratch(Size) const override {
    return is_pointwise() ? 0 : rows_at_once() * (inner_ + (adds_onto_itself() ? y_.channels : 0));
  }

  void run(const Run& run) const override {
    const simd::ConstMap x = run.source(x_);
    const simd::Map y = run.map(y_);
    const simd::Finish finish = this->finish(run);
    // Parts share out the pixels, or the outputs where that would leave weights with too few pixels.
    const Size panels = round_up(y_.channels, simd::panel) / simd::panel, pixels = run.rows(y_);
    const bool by_outputs = run.parts > 1 && pixels / run.parts < 64 && panels >= run.parts;
    const Run::Share share = by_outputs ? Run::Share{0, pixels} : run.share(pixels);
    const Run::Share outputs = by_outputs ? run.share(panels) : Run::Share{0, panels};
    const Size column = outputs.first * simd::panel,
               columns = std::min(y_.channels, outputs.last * simd::panel) - column;
    for (Size first = share.first; first < share.last; first += rows_at_once()) {
      const Size count = std::min(rows_at_once(), share.last - first);
      simd::Finish here = finish.from_column(column);
      if (here.residual.data) here.residual.data += first * here.residual.stride;
      if (adds_onto_itself()) here.residual = copy_of(here.residual, count, columns, run.scratch + count * inner_);
      for (Size product = 0; product < products_; ++product) {
        if (!is_pointwise()) gather(x, first, count, product, run.scratch);
        const simd::ConstBlocks rows = is_pointwise() ? simd::ConstBlocks::of({x.data + first * x.stride, x.stride})
                                                      : simd::ConstBlocks::packed(run.scratch, count);
        simd::multiply(rows, inner_ / simd::block, count, weights_.data() + product * matrix_size() + column * inner_,
                       columns, product + 1 < products_ ? simd::Finish() : here,
                       {y.data + first * y.stride + column, y.stride}, product > 0);
      }
    }
  }

 private:
  static constexpr Size most_rows = 112;  // a multiple of 14, the rows that the kernel keeps in registers

  Size matrix_size() const { return simd::packed_size(inner_, y_.channels); }

  // Sums of the first taps wait in y, where a gradient that adds to what is there has its residual.
  bool adds_onto_itself() const { return products_ > 1 && residual_is(y_); }

  static simd::ConstMap copy_of(simd::ConstMap x, Size rows, Size columns, float* to) {
    for (Size r = 0; r < rows; ++r) std::copy_n(x.data + r * x.stride, columns, to + r * columns);
    return {to, columns};
  }

  // Gathered rows stay in half of a 512 KB second-level cache beside the weights.
  Size rows_at_once() const {
    return std::clamp<Size>(Size{1} << 16, 14 * inner_, most_rows * inner_) / (14 * inner_) * 14;
  }

  void gather(simd::ConstMap x, Size first, Size count, Size product, float* packed) const {
    const float* rows[most_rows];
    if (!is_thin()) {
      neighbours(x, first, count, product, rows, 1);
      return simd::pack_rows(rows, count, x_.channels, packed);
    }
    std::fill_n(packed, count * inner_, 0.0f);
    for (Size tap = 0; tap < taps_; ++tap) {
      neighbours(x, first, count, tap, rows, 1);
      pack_thin(rows, count, tap, packed);
    }
  }

  // A picture's one or three channels: all taps in one row without gaps, as 9 x 16 products a pixel would be nearly all
  // zeros.
  bool is_thin() const { return x_.channels <= 4; }

  // A matrix for each pixel by itself: the map's rows need no packing.
  bool is_pointwise() const {
    return taps_ == 1 && shape_.stride == 1 && shape_.padding == 0 && x_.channels % simd::block == 0;
  }

  void pack_thin(const float* const* rows, Size count, Size tap, float* packed) const {
    for (Size c = 0; c < x_.channels; ++c) {
      const Size k = tap * x_.channels + c;
      float* to = packed + k / simd::block * count * simd::block + k % simd::block;
      for (Size i = 0; i < count; ++i)
        if (rows[i]) to[i * simd::block] = rows[i][c];
    }
  }

  Size taps_, products_, inner_;  // of the kernel; products that make up a sum, and the inner size of each
  AlignedFloats weights_;
};

// To a picture's one or three channels: a dot product for each, as 16 columns of weights would be nearly all zeros.
class NarrowConvolution : public ConvolutionKernel {
 public:
  NarrowConvolution(const ConvShape& shape, const float* weight, const float* bias, const Place& x, const Place& y,
                    const Absorbed& absorbed)
      : ConvolutionKernel(shape, bias, x, y, absorbed),
        taps_(Size{shape.kernel} * shape.kernel),
        weights_(taps_ * y.channels * x.channels) {
    for (Size tap = 0; tap < taps_; ++tap)
      for (Size n = 0; n < y.channels; ++n)
        for (Size c = 0; c < x.channels; ++c)
          weights_.data()[(tap * y.channels + n) * x.channels + c] = weight[(n * x.channels + c) * taps_ + tap];
  }

  void run(const Run& run) const override {
    const simd::ConstMap x = run.source(x_);
    const simd::Map y = run.map(y_);
    const simd::Finish finish = this->finish(run);
    const Run::Share share = run.share(run.rows(y_));
    const float* parts[most_parts];
    const Size pixels_at_once = most_parts / taps_;
    for (Size first = share.first; first < share.last; first += pixels_at_once) {
      const Size count = std::min(pixels_at_once, share.last - first);
      for (Size tap = 0; tap < taps_; ++tap) neighbours(x, first, count, tap, parts + tap, taps_);
      simd::Finish here = finish;
      if (here.residual.data) here.residual.data += first * here.residual.stride;
      simd::dot_rows(parts, taps_, count, x_.channels, weights_.data(), y_.channels, here,
                     {y.data + first * y.stride, y.stride});
    }
  }

  static bool serves(const ConvShape& shape, const Place& x, const Place& y) {
    return y.channels <= simd::most_dot_columns && x.channels % simd::block == 0 &&
           shape.kernel * shape.kernel <= most_parts;
  }

 private:
  static constexpr Size most_parts = 288;

  Size taps_;
  AlignedFloats weights_;
};

// F(4x4, 3x3): some tiles are transformed at once; then, 32 outputs at a time, they are multiplied, transformed back
// and finished. Transformed weights are four times as large as the checkpoint's. They are kept only where they are
// small, and elsewhere made anew for 64 inputs x 32 outputs x 12 of the 36 points at a time, 96 KB: that reads a
// quarter of the memory (the bound at one sample) and leaves the second-level cache to the tiles. The bits are the
// same.
class WinogradConvolution : public ConvolutionKernel {
 public:
  WinogradConvolution(const ConvShape& shape, const float* weight, const float* bias, const Place& x, const Place& y,
                      const Absorbed& absorbed)
      : ConvolutionKernel(shape, bias, x, y, absorbed),
        in_(round_up(x.channels, simd::block)),
        strips_(round_up(y.channels, width) / width),
        weights_(simd::winograd_packed_size(x.channels, y.channels)) {
    simd::pack_winograd(weight, x.channels * 9, 9, false, x.channels, y.channels, weights_.data());
    if (!keeps_transformed()) return;
    AlignedFloats transformed(strips_ * strip_size());
    for (Size i = 0; i < strips_; ++i)
      for (Size pair = 0; pair < pairs; ++pair)
        simd::winograd_weights(weights_.data(), x_.channels, i, 0, in_, pair,
                               transformed.data() + i * strip_size() + pair * pair_size(), weights_stride());
    weights_ = std::move(transformed);
  }

  Size scratch(Size samples) const override {
    const Size tiles = tiles_at_once(samples);
    return simd::winograd_points * (input_stride(tiles) + output_stride(tiles)) +
           (keeps_transformed() ? 0 : pair_size());
  }

  void run(const Run& run) const override {
    const simd::Picture picture = pictures(x_.shared ? 1 : run.samples);
    const Size tiles = picture.tiles();
    // Parts share out the tiles, or the outputs where that would leave weights with too few tiles.
    const bool by_strips = run.parts > 1 && tiles / run.parts < 32 && strips_ >= run.parts;
    const Run::Share share = by_strips ? Run::Share{0, tiles} : run.share(tiles);
    const Run::Share strips = by_strips ? run.share(strips_) : Run::Share{0, strips_};
    const Size most = tiles_at_once(picture.samples);
    for (Size first = share.first; first < share.last; first += most)
      convolve(run, picture, {first, std::min(first + most, share.last)}, strips);
  }

 private:
  static constexpr Size width = simd::winograd_columns, pairs = 3, pair_points = 12, most_kept = Size{1} << 14;

  bool keeps_transformed() const { return x_.channels * y_.channels <= most_kept; }
  Size inputs_at_once() const { return keeps_transformed() ? in_ : std::min<Size>(in_, 64); }
  Size weights_stride() const { return simd::winograd_stride(inputs_at_once() * width); }
  Size pair_size() const { return pair_points * weights_stride(); }
  Size strip_size() const { return pairs * pair_size(); }
  Size input_stride(Size tiles) const { return simd::winograd_stride(tiles * in_); }
  static Size output_stride(Size tiles) { return simd::winograd_stride(tiles * width); }

  // More tiles use each weight more often, fewer stay in a second-level cache: measured at 512 KB.
  Size tiles_at_once(Size samples) const {
    const Size most = x_.channels <= 128 ? 36 : 64;
    return std::min(most, pictures(samples).tiles());
  }

  simd::Picture pictures(Size samples) const { return {shape_.height, shape_.width, samples}; }

  void convolve(const Run& run, const simd::Picture& picture, simd::Range tiles, Run::Share strips) const {
    const Size first = tiles.first, count = tiles.last - first;
    const Size v_stride = input_stride(count), m_stride = output_stride(count);
    float* const v = run.scratch;
    float* const m = v + simd::winograd_points * v_stride;
    float* const made = m + simd::winograd_points * m_stride;
    const simd::Finish finish = this->finish(run);
    const simd::Map y = run.map(y_);
    simd::winograd_input(picture, run.source(x_), x_.channels, first, count, v, v_stride);
    for (Size strip = strips.first; strip < strips.last; ++strip) {
      for (Size input = 0; input < in_; input += inputs_at_once()) {
        const Size inputs = std::min(inputs_at_once(), in_ - input);
        for (Size pair = 0; pair < pairs; ++pair) {
          const float* u = weights_.data() + strip * strip_size() + pair * pair_size();
          if (!keeps_transformed()) {
            simd::winograd_weights(weights_.data(), x_.channels, strip, input, inputs, pair, made, weights_stride());
            u = made;
          }
          for (Size j = 0; j < pair_points; ++j) {
            const Size point = simd::winograd_row(pair, j / 6) * 6 + j % 6;
            if (!keeps_transformed()) fetch(strip, input + inputs, pair * pair_points + j);
            const auto [begin, end] = picture.tiles_with(point, tiles);
            const float* const rows = v + point * v_stride + input * count + (begin - first) * simd::block;
            simd::multiply({rows, simd::block, count * simd::block, v_stride}, inputs / simd::block, end - begin,
                           u + j * weights_stride(), width, {}, {m + point * m_stride + (begin - first) * width, width},
                           input > 0);
          }
        }
      }
      simd::winograd_output(picture, m, m_stride, std::min(width, y_.channels - strip * width), first, count,
                            finish.from_column(strip * width), {y.data + strip * width, y.stride});
    }
  }

  // One of 36 parts of the packed weights of the next inputs, while a product runs that does not wait for memory.
  void fetch(Size strip, Size input, Size part) const {
    const Size floats = inputs_at_once() * 9 * width / simd::winograd_points;
    simd::fetch(weights_.data() + (strip * in_ + input) * 9 * width + part * floats, floats);
  }

  Size in_, strips_;
  AlignedFloats weights_;
};

}  // namespace

bool prefers_winograd(const ConvShape& shape, Size in, Size out) {
  return shape.kernel == 3 && shape.stride == 1 && shape.padding == 1 && shape.dilation == 1 && in >= simd::block &&
         out >= simd::block && simd::Picture{shape.height, shape.width}.tiles() >= 4;
}

KernelPtr make_conv(const ConvShape& shape, const float* weight, const float* bias, const Place& x, const Place& y,
                    const Absorbed& absorbed) {
  if (NarrowConvolution::serves(shape, x, y))
    return std::make_unique<NarrowConvolution>(shape, weight, bias, x, y, absorbed);
  return std::make_unique<DirectConvolution>(shape, weight, bias, x, y, absorbed);
}

KernelPtr make_winograd(const ConvShape& shape, const float* weight, const float* bias, const Place& x, const Place& y,
                        const Absorbed& absorbed) {
  return std::make_unique<WinogradConvolution>(shape, weight, bias, x, y, absorbed);
}

}  // namespace scoresde
