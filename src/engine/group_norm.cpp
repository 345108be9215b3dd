#include <algorithm>

#include "engine/kernel.h"

namespace scoresde {
namespace {

// Group normalisation (Wu & He 2018), with SiLU behind it where the network has it there. A part takes whole groups.
class GroupNormKernel : public Kernel {
 public:
  GroupNormKernel(int groups, const float* weight, const float* bias, double epsilon, bool silu, const Place& x,
                  const Place& y)
      : groups_(groups),
        epsilon_(static_cast<float>(epsilon)),
        silu_(silu),
        x_(x),
        y_(y),
        weight_(x.channels),
        bias_(x.channels) {
    std::copy_n(weight, x.channels, weight_.data());
    std::copy_n(bias, x.channels, bias_.data());
  }

  Size scratch(Size) const override { return 2 * x_.channels; }

  void run(const Run& run) const override {
    const Size size = x_.channels / groups_, samples = run.rows(x_) / x_.rows;
    const Run::Share share = run.share(groups_);
    const Size first = share.first * size, last = share.last * size;
    float* const scale = run.scratch;
    float* const shift = scale + x_.channels;
    for (Size sample = 0; sample < samples; ++sample) {
      const simd::ConstMap x{run.source(x_).data + sample * x_.rows * x_.stride, x_.stride};
      const simd::Map y{run.map(y_).data + sample * y_.rows * y_.stride, y_.stride};
      simd::norm_statistics(x, x_.rows, first, last, size, weight_.data(), bias_.data(), epsilon_, scale, shift);
      simd::scale_shift({x.data + first, x.stride}, x_.rows, last - first, scale + first, shift + first, silu_,
                        {y.data + first, y.stride});
    }
  }

 private:
  Size groups_;
  float epsilon_;
  bool silu_;
  Place x_, y_;
  AlignedFloats weight_, bias_;
};

}  // namespace

KernelPtr make_group_norm(int groups, const float* weight, const float* bias, double epsilon, bool silu, const Place& x,
                          const Place& y) {
  return std::make_unique<GroupNormKernel>(groups, weight, bias, epsilon, silu, x, y);
}

}  // namespace scoresde
