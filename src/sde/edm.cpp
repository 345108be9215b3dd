#include <cmath>

#include "sde/ranged.h"

namespace scoresde {
namespace {

/// Karras et al. (2022), table 1, column EDM: alpha = 1, sigma = t, so dx = sqrt(2 t) dw on [sigma_min, sigma_max].
class EdmSde : public RangedSde {
 public:
  explicit EdmSde(const TimeRange& range) : RangedSde(range) {}

  std::string_view name() const override { return "edm"; }
  double drift(double) const override { return 0; }
  double diffusion(double t) const override { return std::sqrt(2 * t); }
  Marginal marginal(double t) const override { return {1, t}; }
  Transition transition(double s, double t) const override { return {1, std::sqrt((t - s) * (t + s))}; }
};

}  // namespace

std::unique_ptr<Sde> make_edm(const SdeConfig& config) {
  const double sigma_min = config.sigma_min > 0 ? config.sigma_min : 0.002;
  const double sigma_max = config.sigma_max > 0 ? config.sigma_max : 80;
  if (!(sigma_min < sigma_max))
    fail(Failure::usage, "sde edm: sigma_min = {} is not below sigma_max = {}", sigma_min, sigma_max);
  return std::make_unique<EdmSde>(time_range(config, {sigma_min, sigma_max, sigma_min}));
}

}  // namespace scoresde
