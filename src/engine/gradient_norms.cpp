#include <algorithm>
#include <cmath>
#include <vector>

#include "engine/gradient_kernels.h"

namespace scoresde {
namespace {

// What both normalisations share: statistics of a sample, slopes by channel, and dx as a sum of three maps.
class NormGradient : public Kernel {
 public:
  NormGradient(Size group, double epsilon, bool silu, const Place& x, const Place& dy, const Sink& dx)
      : group_(group), epsilon_(epsilon), silu_(silu), x_(x), dy_(dy), dx_(dx), ones_(x.channels), zeros_(x.channels) {
    std::fill_n(ones_.data(), x.channels, 1.0f);
  }

  Size scratch(Size) const override { return 11 * channels() + x_.rows * padded(); }

  void run(const Run& run) const override {
    for (Size sample = 0; sample < run.rows(x_) / x_.rows; ++sample) run_sample(run, sample);
  }

 protected:
  // A number a channel each.
  struct Work {
    float *inverse, *mean, *scale, *shift, *a, *b, *c;
    double *sum, *moment;
  };

  Size channels() const { return x_.channels; }

  /// scale and shift of y = x * scale + shift from inverse deviation and mean; false where only sums are wanted.
  virtual void forward(const Run& run, Size sample, const Work& w) const = 0;
  /// dx = a du + b x + c from the slopes, and the sums of parameters' gradients.
  virtual void backward(const Run& run, Size sample, const Work& w) const = 0;

  Size group_;
  double epsilon_;
  bool silu_;
  Place x_, dy_;
  Sink dx_;

 private:
  Size padded() const { return simd::round_up(channels(), simd::block); }

  void run_sample(const Run& run, Size sample) const {
    const Size k = channels(), first = sample * x_.rows;
    auto* const sums = reinterpret_cast<double*>(run.scratch);
    float* const f = run.scratch + 4 * k;
    const Work w{f, f + k, f + 2 * k, f + 3 * k, f + 4 * k, f + 5 * k, f + 6 * k, sums, sums + k};
    const simd::Map du{f + 7 * k, padded()};
    const simd::ConstMap x{run.source(x_).data + first * x_.stride, x_.stride},
        dy{run.source(dy_).data + first * dy_.stride, dy_.stride};
    simd::norm_statistics(x, x_.rows, 0, k, group_, ones_.data(), zeros_.data(), static_cast<float>(epsilon_),
                          w.inverse, w.mean);
    for (Size c = 0; c < k; ++c) w.mean[c] = -w.mean[c] / w.inverse[c];
    forward(run, sample, w);
    simd::norm_slopes(x, dy, x_.rows, k, w.scale, w.shift, w.mean, silu_, du, w.sum, w.moment);
    backward(run, sample, w);
    simd::affine_of_two({du.data, du.stride}, x, w.a, w.b, w.c, dx_.base_at(run, first), x_.rows, k,
                        {run.map(dx_.y).data + first * dx_.y.stride, dx_.y.stride});
  }

  AlignedFloats ones_, zeros_;
};

// With x^ = (x - m) r, r = 1 / sqrt(var + eps) over the N values of a group:
// dx = r (w du - mean(w du) - x^ mean(w du x^)).
class GroupNormGradient : public NormGradient {
 public:
  GroupNormGradient(int groups, const float* weight, const float* bias, double epsilon, bool silu, const Place& x,
                    const Place& dy, const Sink& dx, const NormSums& sums)
      : NormGradient(x.channels / groups, epsilon, silu, x, dy, dx),
        weight_(weight, weight + x.channels),
        bias_(bias, bias + x.channels),
        sums_(sums) {}

 private:
  void forward(const Run&, Size, const Work& w) const override {
    for (Size c = 0; c < channels(); ++c) {
      w.scale[c] = w.inverse[c] * weight_[static_cast<std::size_t>(c)];
      w.shift[c] = bias_[static_cast<std::size_t>(c)] - w.mean[c] * w.scale[c];
    }
  }

  void backward(const Run& run, Size, const Work& w) const override {
    const double count = static_cast<double>(group_ * x_.rows);
    for (Size first = 0; first < channels(); first += group_) {
      const auto r = static_cast<double>(w.inverse[first]), m = static_cast<double>(w.mean[first]);
      double sum = 0, moment = 0;
      for (Size c = first; c < first + group_; ++c) {
        sum += static_cast<double>(weight_[static_cast<std::size_t>(c)]) * w.sum[c];
        moment += static_cast<double>(weight_[static_cast<std::size_t>(c)]) * w.moment[c];
      }
      const double along = -r * r * r * moment / count;
      for (Size c = first; c < first + group_; ++c) {
        w.a[c] = w.scale[c];
        w.b[c] = static_cast<float>(along);
        w.c[c] = static_cast<float>(-r * sum / count - m * along);
      }
    }
    for (Size c = 0; c < channels(); ++c) {
      if (sums_.weight >= 0)
        run.shared[sums_.weight + c] += static_cast<float>(static_cast<double>(w.inverse[c]) * w.moment[c]);
      if (sums_.bias >= 0) run.shared[sums_.bias + c] += static_cast<float>(w.sum[c]);
    }
  }

  std::vector<float> weight_, bias_;
  NormSums sums_;
};

// y = gamma (x^ + alpha z) + beta with z_c = (m_c - mean m) / sqrt(var m + eps), the unbiased variance over channels.
class InstanceNormPlusGradient : public NormGradient {
 public:
  InstanceNormPlusGradient(const InstanceNormPlusParts& parts, double epsilon, const Place& x, const Place& dy,
                           const Sink& dx, const InstanceNormPlusSums& sums)
      : NormGradient(1, epsilon, false, x, dy, dx), affine_(parts.affine), spared_(parts.biased ? 0 : 1), sums_(sums) {
    if (!parts.gamma) return;
    for (const float* part : {parts.gamma, parts.alpha, parts.beta}) own_.insert(own_.end(), part, part + x.channels);
  }

 private:
  const float* affine(const Run& run, Size sample) const {
    return own_.empty() ? run.source(affine_).data + sample * affine_.stride : own_.data();
  }

  void forward(const Run& run, Size sample, const Work& w) const override {
    const float* const gamma = affine(run, sample);
    for (Size c = 0; c < channels(); ++c) {
      w.scale[c] = gamma[c] * w.inverse[c];
      w.shift[c] = 0;  // without an activation behind it, slopes do not ask for it
    }
  }

  void backward(const Run& run, Size sample, const Work& w) const override {
    const Size k = channels();
    const auto count = static_cast<double>(k), pixels = static_cast<double>(x_.rows);
    const float *const gamma = affine(run, sample), *const alpha = gamma + k;
    double mean = 0, variance = 0;
    for (Size c = 0; c < k; ++c) mean += static_cast<double>(w.mean[c]) / count;
    const auto centred = [&](Size c) { return static_cast<double>(w.mean[c]) - mean; };
    for (Size c = 0; c < k; ++c) variance += centred(c) * centred(c) / (count - spared_);
    const double q = 1 / std::sqrt(variance + epsilon_);
    const auto dz = [&](Size c) { return static_cast<double>(gamma[c]) * static_cast<double>(alpha[c]) * w.sum[c]; };
    double dz_mean = 0, dz_along = 0;
    for (Size c = 0; c < k; ++c) {
      dz_mean += dz(c) / count;
      dz_along += dz(c) * centred(c) * q / (count - spared_);
    }
    for (Size c = 0; c < k; ++c) {
      const auto r = static_cast<double>(w.inverse[c]), g = static_cast<double>(gamma[c]);
      const double along = -g * r * r * r * w.moment[c] / pixels;
      const double d_mean = q * (dz(c) - dz_mean - centred(c) * q * dz_along);
      w.a[c] = w.scale[c];
      w.b[c] = static_cast<float>(along);
      w.c[c] = static_cast<float>((d_mean - g * r * w.sum[c]) / pixels - static_cast<double>(w.mean[c]) * along);
    }
    add_parameters(run, sample, w, [&](Size c) { return centred(c) * q; });
  }

  template <class Z>
  void add_parameters(const Run& run, Size sample, const Work& w, Z z) const {
    const Size k = channels();
    const float *const gamma = affine(run, sample), *const alpha = gamma + k;
    float* const to = sums_.affine ? run.map(sums_.d_affine.y).data + sample * sums_.d_affine.y.stride : nullptr;
    const simd::Base base = sums_.affine ? sums_.d_affine.base_at(run, sample) : simd::Base{};
    const auto add = [&](Size part, Size sum, Size c, double value) {
      if (sum >= 0) run.shared[sum + c] += static_cast<float>(value);
      if (to)
        to[part * k + c] = static_cast<float>(value) + (base.map.data ? base.map.data[part * k + c] * base.scale : 0);
    };
    for (Size c = 0; c < k; ++c) {
      const auto g = static_cast<double>(gamma[c]), a = static_cast<double>(alpha[c]);
      add(0, sums_.gamma, c, static_cast<double>(w.inverse[c]) * w.moment[c] + a * z(c) * w.sum[c]);
      add(1, sums_.alpha, c, g * z(c) * w.sum[c]);
      add(2, sums_.beta, c, w.sum[c]);
    }
  }

  Place affine_;
  double spared_;  // of the channels, in the variance over them
  InstanceNormPlusSums sums_;
  std::vector<float> own_;
};

class ModulateGradient : public Kernel {
 public:
  ModulateGradient(const Place& x, const Place& row, const Place& dy, const Sink& dx, bool row_wanted,
                   const Sink& d_row)
      : x_(x), row_(row), dy_(dy), dx_(dx), row_wanted_(row_wanted), d_row_(d_row), zeros_(x.channels) {}

  Size scratch(Size) const override { return 5 * x_.channels + x_.rows * padded(); }

  void run(const Run& run) const override {
    const Size k = x_.channels;
    auto* const sum = reinterpret_cast<double*>(run.scratch);
    auto* const moment = sum + k;
    float* const factor = run.scratch + 4 * k;
    const simd::Map slopes{factor + k, padded()};
    for (Size sample = 0; sample < run.rows(x_) / x_.rows; ++sample) {
      const Size first = sample * x_.rows;
      const simd::ConstMap x{run.source(x_).data + first * x_.stride, x_.stride},
          dy{run.source(dy_).data + first * dy_.stride, dy_.stride};
      const float* const row = run.source(row_).data + sample * row_.stride;
      for (Size c = 0; c < k; ++c) factor[c] = 1 + row[c];
      simd::norm_slopes(x, dy, x_.rows, k, factor, zeros_.data(), zeros_.data(), false, slopes, sum, moment);
      simd::affine_of_two(dy, x, factor, zeros_.data(), zeros_.data(), dx_.base_at(run, first), x_.rows, k,
                          {run.map(dx_.y).data + first * dx_.y.stride, dx_.y.stride});
      if (row_wanted_) add_row(run, sample, moment, sum);
    }
  }

 private:
  Size padded() const { return simd::round_up(x_.channels, simd::block); }

  void add_row(const Run& run, Size sample, const double* scale, const double* shift) const {
    const Size k = x_.channels;
    const simd::Base base = d_row_.base_at(run, sample);
    float* const to = run.map(d_row_.y).data + sample * d_row_.y.stride;
    for (Size c = 0; c < 2 * k; ++c)
      to[c] = static_cast<float>(c < k ? scale[c] : shift[c - k]) + (base.map.data ? base.map.data[c] * base.scale : 0);
  }

  Place x_, row_, dy_;
  Sink dx_;
  bool row_wanted_;
  Sink d_row_;
  AlignedFloats zeros_;
};

}  // namespace

KernelPtr make_modulate_gradient(const Place& x, const Place& row, const Place& dy, const Sink& dx, bool row_wanted,
                                 const Sink& d_row) {
  return std::make_unique<ModulateGradient>(x, row, dy, dx, row_wanted, d_row);
}

KernelPtr make_group_norm_gradient(int groups, const float* weight, const float* bias, double epsilon, bool silu,
                                   const Place& x, const Place& dy, const Sink& dx, const NormSums& sums) {
  return std::make_unique<GroupNormGradient>(groups, weight, bias, epsilon, silu, x, dy, dx, sums);
}

KernelPtr make_instance_norm_plus_gradient(const InstanceNormPlusParts& parts, double epsilon, const Place& x,
                                           const Place& dy, const Sink& dx, const InstanceNormPlusSums& sums) {
  return std::make_unique<InstanceNormPlusGradient>(parts, epsilon, x, dy, dx, sums);
}

}  // namespace scoresde
