#include <algorithm>
#include <cmath>
#include <vector>

#include "engine/kernel.h"

namespace scoresde {
namespace {

// InstanceNorm++ (Song & Ermon 2019, app. A). Each part takes the statistics of all channels and some of the pixels.
class InstanceNormPlusKernel : public Kernel {
 public:
  InstanceNormPlusKernel(const float* gamma, const float* alpha, const float* beta, const Place* affine, double epsilon,
                         bool biased, const Place& x, const Place& y)
      : epsilon_(epsilon),
        spared_(biased ? 0 : 1),
        x_(x),
        y_(y),
        ones_(x.channels),
        zeros_(x.channels),
        own_(3 * x.channels) {
    std::fill_n(ones_.data(), x.channels, 1.0f);
    if (affine) {
      affine_ = *affine;
      return;
    }
    const float* const parts[] = {gamma, alpha, beta};
    for (Size i = 0; i < 3; ++i) std::copy_n(parts[i], x.channels, own_.data() + i * x.channels);
  }

  Size scratch(Size) const override { return 2 * x_.channels; }

  void run(const Run& run) const override {
    const Size channels = x_.channels;
    float* const scale = run.scratch;
    float* const shift = scale + channels;
    const Run::Share share = run.share(x_.rows);
    for (Size sample = 0; sample < run.rows(x_) / x_.rows; ++sample) {
      const simd::ConstMap x{run.source(x_).data + sample * x_.rows * x_.stride, x_.stride};
      const simd::Map y{run.map(y_).data + sample * y_.rows * y_.stride, y_.stride};
      const float* const gamma = affine_.channels > 0
                                     ? run.source(affine_).data + (affine_.shared ? 0 : sample * affine_.stride)
                                     : own_.data();
      simd::norm_statistics(x, x_.rows, 0, channels, 1, ones_.data(), zeros_.data(), static_cast<float>(epsilon_),
                            scale, shift);
      fold(gamma, gamma + channels, gamma + 2 * channels, scale, shift);
      simd::scale_shift({x.data + share.first * x.stride, x.stride}, share.last - share.first, channels, scale, shift,
                        false, {y.data + share.first * y.stride, y.stride});
    }
  }

 private:
  // In: scale = 1 / s, shift = -m / s of every channel. Out: gamma ((x - m) / s + alpha z) + beta as scale and shift.
  void fold(const float* gamma, const float* alpha, const float* beta, float* scale, float* shift) const {
    const auto count = static_cast<double>(x_.channels);
    const auto mean_of = [&](Size c) { return -static_cast<double>(shift[c]) / static_cast<double>(scale[c]); };
    double mean = 0, variance = 0;
    for (Size c = 0; c < x_.channels; ++c) mean += mean_of(c) / count;
    for (Size c = 0; c < x_.channels; ++c) variance += (mean_of(c) - mean) * (mean_of(c) - mean) / (count - spared_);
    for (Size c = 0; c < x_.channels; ++c) {
      const double z = (mean_of(c) - mean) / std::sqrt(variance + epsilon_), g = static_cast<double>(gamma[c]);
      shift[c] = static_cast<float>(g * (static_cast<double>(shift[c]) + static_cast<double>(alpha[c]) * z) +
                                    static_cast<double>(beta[c]));
      scale[c] = static_cast<float>(g * static_cast<double>(scale[c]));
    }
  }

  double epsilon_, spared_;  ///< of the channels, in the variance over them
  Place x_, y_, affine_;
  AlignedFloats ones_, zeros_, own_;
};

}  // namespace

KernelPtr make_instance_norm_plus(const float* gamma, const float* alpha, const float* beta, const Place* affine,
                                  double epsilon, bool biased, const Place& x, const Place& y) {
  return std::make_unique<InstanceNormPlusKernel>(gamma, alpha, beta, affine, epsilon, biased, x, y);
}

}  // namespace scoresde
