#include <cmath>

#include "sde/ranged.h"

namespace scoresde {
namespace {

/// Song et al. (2021), eq. 9 and 31: sigma(t) = sigma_min (sigma_max / sigma_min)^t, f = 0. Eq. 29 subtracts sigma(0)^2
/// from the variance; eq. 31 and the authors' code do not, nor does this: x_0 itself is taken to carry sigma_min.
class VeSde : public RangedSde {
 public:
  VeSde(double sigma_min, double sigma_max, const TimeRange& range)
      : RangedSde(range), sigma_min_(sigma_min), log_ratio_(std::log(sigma_max / sigma_min)) {}

  std::string_view name() const override { return "ve"; }
  double drift(double) const override { return 0; }
  double diffusion(double t) const override { return sigma(t) * std::sqrt(2 * log_ratio_); }
  Marginal marginal(double t) const override { return {1, sigma(t)}; }
  Transition transition(double s, double t) const override {
    return {1, sigma(s) * std::sqrt(std::expm1(2 * log_ratio_ * (t - s)))};
  }

 private:
  double sigma(double t) const { return sigma_min_ * std::exp(t * log_ratio_); }

  double sigma_min_, log_ratio_;
};

}  // namespace

std::unique_ptr<Sde> make_ve(const SdeConfig& config) {
  const double sigma_min = config.sigma_min > 0 ? config.sigma_min : 0.01;
  const double sigma_max = config.sigma_max > 0 ? config.sigma_max : 50;
  if (!(sigma_min < sigma_max))
    fail(Failure::usage, "sde ve: sigma_min = {} is not below sigma_max = {}", sigma_min, sigma_max);
  return std::make_unique<VeSde>(sigma_min, sigma_max, time_range(config, {1e-5, 1, 1e-5}));
}

}  // namespace scoresde
