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

  ConvShape shape_;
  Place x_, y_;

 private:
  AlignedFloats bias_;
  bool has_more_bias_, has_residual_;
  Place more_bias_, residual_;
  double scale_;
};

// Each output pixel is the product of its neighbourhood, laid out as one row, with the weights as one matrix.
class DirectConvolution : public ConvolutionKernel {
 public:
  DirectConvolution(const ConvShape& shape, const float* weight, const float* bias, const Place& x, const Place& y,
                    const Absorbed& absorbed)
      : ConvolutionKernel(shape, bias, x, y, absorbed),
        taps_(Size{shape.kernel} * shape.kernel),
        padded_(round_up(x.channels, simd::block)),
        weights_(simd::packed_size(taps_ * padded_, y.channels)) {
    AlignedFloats matrix(taps_ * padded_ * y.channels);
    for (Size n = 0; n < y.channels; ++n)
      for (Size c = 0; c < x.channels; ++c)
        for (Size tap = 0; tap < taps_; ++tap)
          matrix.data()[(tap * padded_ + c) * y.channels + n] = weight[(n * x.channels + c) * taps_ + tap];
    simd::pack_matrix(matrix.data(), y.channels, 1, taps_ * padded_, y.channels, weights_.data());
  }

  Size scratch(Size) const override { return rows_at_once() * taps_ * padded_; }

  void run(const Run& run) const override {
    const simd::ConstMap x = run.source(x_);
    const simd::Map y = run.map(y_);
    const simd::Finish finish = this->finish(run);
    const Run::Share share = run.share(run.rows(y_));
    for (Size first = share.first; first < share.last; first += rows_at_once()) {
      const Size count = std::min(rows_at_once(), share.last - first);
      gather(x, first, count, run.scratch);
      simd::Finish here = finish;
      if (here.residual.data) here.residual.data += first * here.residual.stride;
      simd::multiply(run.scratch, count * simd::block, taps_ * padded_ / simd::block, count, weights_.data(),
                     y_.channels, here, {y.data + first * y.stride, y.stride});
    }
  }

 private:
  static constexpr Size most_rows = 112;  // a multiple of 14, the rows that the kernel keeps in registers

  // Gathered rows stay in half of a 1 MB second-level cache beside the weights.
  Size rows_at_once() const {
    return std::clamp<Size>(Size{1} << 17, 14 * taps_ * padded_, most_rows * taps_ * padded_) / (14 * taps_ * padded_) *
           14;
  }

  void gather(simd::ConstMap x, Size first, Size count, float* packed) const {
    const float* rows[most_rows];
    for (Size tap = 0; tap < taps_; ++tap, packed += count * padded_) {
      const Size down = tap / shape_.kernel * shape_.dilation - shape_.padding;
      const Size across = tap % shape_.kernel * shape_.dilation - shape_.padding;
      for (Size i = 0; i < count; ++i) {
        const Size pixel = (first + i) % y_.rows, sample = (first + i) / y_.rows;
        const Size row = pixel / shape_.width * shape_.stride + down,
                   column = pixel % shape_.width * shape_.stride + across;
        const bool inside = row >= 0 && row < shape_.in_height && column >= 0 && column < shape_.in_width;
        rows[i] = inside ? x.data + ((sample * shape_.in_height + row) * shape_.in_width + column) * x.stride : nullptr;
      }
      simd::pack_rows(rows, count, x_.channels, packed);
    }
  }

  Size taps_, padded_;
  AlignedFloats weights_;
};

class WinogradConvolution : public ConvolutionKernel {
 public:
  WinogradConvolution(const ConvShape& shape, const float* weight, const float* bias, const Place& x, const Place& y,
                      const Absorbed& absorbed)
      : ConvolutionKernel(shape, bias, x, y, absorbed),
        picture_{shape.height, shape.width},
        in_(round_up(x.channels, simd::block)),
        out_(round_up(y.channels, simd::block)),
        weights_(simd::winograd_points * simd::packed_size(x.channels, y.channels)) {
    simd::winograd_weights(weight, x.channels, y.channels, weights_.data());
  }

  Size scratch(Size) const override { return simd::winograd_points * tiles_at_once() * (in_ + out_); }

  void run(const Run& run) const override {
    const Run::Share share = run.share(picture_.tiles() * (x_.shared ? 1 : run.samples));
    const simd::Finish finish = this->finish(run);
    float* const v = run.scratch;
    float* const m = v + simd::winograd_points * tiles_at_once() * in_;
    for (Size first = share.first; first < share.last; first += tiles_at_once()) {
      const Size count = std::min(tiles_at_once(), share.last - first);
      simd::winograd_input(picture_, run.source(x_), x_.channels, first, count, v);
      for (Size point = 0; point < simd::winograd_points; ++point)
        simd::multiply(v + point * count * in_, count * simd::block, in_ / simd::block, count,
                       weights_.data() + point * simd::packed_size(x_.channels, y_.channels), out_, {},
                       {m + point * count * out_, out_});
      simd::winograd_output(picture_, m, out_, y_.channels, first, count, finish, run.map(y_));
    }
  }

 private:
  // Transformed tiles stay in most of a 1 MB second-level cache; in steps of 14, the rows kept in registers.
  Size tiles_at_once() const {
    const Size fitting = (Size{768} << 10) / (static_cast<Size>(sizeof(float)) * simd::winograd_points * (in_ + out_));
    return std::clamp<Size>(fitting / 14 * 14, 14, 56);
  }

  simd::Picture picture_;
  Size in_, out_;
  AlignedFloats weights_;
};

}  // namespace

bool prefers_winograd(const ConvShape& shape, Size in, Size out) {
  const simd::Picture picture{shape.height, shape.width};
  return shape.kernel == 3 && shape.stride == 1 && shape.padding == 1 && shape.dilation == 1 && in >= simd::block &&
         out >= simd::block && picture.tiles() >= 4;
}

KernelPtr make_conv(const ConvShape& shape, const float* weight, const float* bias, const Place& x, const Place& y,
                    const Absorbed& absorbed) {
  return std::make_unique<DirectConvolution>(shape, weight, bias, x, y, absorbed);
}

KernelPtr make_winograd(const ConvShape& shape, const float* weight, const float* bias, const Place& x, const Place& y,
                        const Absorbed& absorbed) {
  return std::make_unique<WinogradConvolution>(shape, weight, bias, x, y, absorbed);
}

}  // namespace scoresde
