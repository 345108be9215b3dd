#include <cmath>

#include "sde/ranged.h"

namespace scoresde {
namespace {

/// Song et al. (2021), eq. 12: the drift of vp, g^2 = beta (1 - alpha^4); sigma = 1 - alpha^2, below that of vp.
class SubVpSde : public RangedSde {
 public:
  SubVpSde(double beta_min, double beta_max, const TimeRange& range)
      : RangedSde(range), beta_min_(beta_min), slope_(beta_max - beta_min) {}

  std::string_view name() const override { return "sub-vp"; }
  double drift(double t) const override { return -0.5 * beta(t); }
  double diffusion(double t) const override { return std::sqrt(beta(t) * -std::expm1(-2 * beta_integral(0, t))); }
  Marginal marginal(double t) const override {
    const double integral = beta_integral(0, t);
    return {std::exp(-0.5 * integral), -std::expm1(-integral)};
  }
  double prior_std() const override { return 1; }

  // With A = alpha^2 and R = A_t / A_s: (1 - A_t)^2 - R (1 - A_s)^2 = (1 - R) (1 - A_s A_t).
  Transition transition(double s, double t) const override {
    const double integral = beta_integral(s, t);
    const double both = beta_integral(0, s) + beta_integral(0, t);
    return {std::exp(-0.5 * integral), std::sqrt(std::expm1(-integral) * std::expm1(-both))};
  }

 private:
  double beta(double t) const { return beta_min_ + t * slope_; }
  double beta_integral(double s, double t) const { return (t - s) * (beta_min_ + 0.5 * slope_ * (t + s)); }

  double beta_min_, slope_;
};

}  // namespace

std::unique_ptr<Sde> make_sub_vp(const SdeConfig& config) {
  if (!(config.beta_min <= config.beta_max))
    fail(Failure::usage, "sde sub-vp: beta_min = {} is above beta_max = {}", config.beta_min, config.beta_max);
  return std::make_unique<SubVpSde>(config.beta_min, config.beta_max, time_range(config, {1e-5, 1, 1e-3}));
}

}  // namespace scoresde
