#include <cmath>

#include "sde/ranged.h"

namespace scoresde {
namespace {

/// Song et al. (2021), eq. 11 and 32: beta(t) = beta_min + t (beta_max - beta_min), dx = -beta x / 2 dt + sqrt(beta)
/// dw.
class VpSde : public RangedSde {
 public:
  VpSde(double beta_min, double beta_max, const TimeRange& range)
      : RangedSde(range), beta_min_(beta_min), slope_(beta_max - beta_min) {}

  std::string_view name() const override { return "vp"; }
  double drift(double t) const override { return -0.5 * beta(t); }
  double diffusion(double t) const override { return std::sqrt(beta(t)); }
  Marginal marginal(double t) const override {
    const double integral = beta_integral(0, t);
    return {std::exp(-0.5 * integral), std::sqrt(-std::expm1(-integral))};
  }
  double prior_std() const override { return 1; }
  Transition transition(double s, double t) const override {
    const double integral = beta_integral(s, t);
    return {std::exp(-0.5 * integral), std::sqrt(-std::expm1(-integral))};
  }

 private:
  double beta(double t) const { return beta_min_ + t * slope_; }
  double beta_integral(double s, double t) const { return (t - s) * (beta_min_ + 0.5 * slope_ * (t + s)); }

  double beta_min_, slope_;
};

}  // namespace

std::unique_ptr<Sde> make_vp(const SdeConfig& config) {
  if (!(config.beta_min <= config.beta_max))
    fail(Failure::usage, "sde vp: beta_min = {} is above beta_max = {}", config.beta_min, config.beta_max);
  return std::make_unique<VpSde>(config.beta_min, config.beta_max, time_range(config, {1e-5, 1, 1e-3}));
}

}  // namespace scoresde
