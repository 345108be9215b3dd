#include <cmath>

#include "sde/ranged.h"

namespace scoresde {
namespace {

/// Ornstein-Uhlenbeck: dx = -beta x dt + sigma dw, whose stationary law N(0, sigma^2 / (2 beta) I) is the prior.
class OuSde : public RangedSde {
 public:
  OuSde(double beta, double sigma, const TimeRange& range) : RangedSde(range), beta_(beta), sigma_(sigma) {}

  std::string_view name() const override { return "ou"; }
  double drift(double) const override { return -beta_; }
  double diffusion(double) const override { return sigma_; }
  Marginal marginal(double t) const override {
    return {std::exp(-beta_ * t), stationary() * std::sqrt(-std::expm1(-2 * beta_ * t))};
  }
  double prior_std() const override { return stationary(); }
  Transition transition(double s, double t) const override {
    const Marginal m = marginal(t - s);
    return {m.alpha, m.sigma};
  }

 private:
  double stationary() const { return sigma_ / std::sqrt(2 * beta_); }

  double beta_, sigma_;
};

}  // namespace

std::unique_ptr<Sde> make_ou(const SdeConfig& config) {
  // In units of 1 / beta: alpha(t_max) = e^-5, near that of vp; sigma(t_min) and sigma(t_end) are 1e-3 and 1e-2 of the
  // stationary deviation.
  const double unit = 1 / config.beta;
  return std::make_unique<OuSde>(config.beta, config.sigma, time_range(config, {5e-7 * unit, 5 * unit, 5e-5 * unit}));
}

}  // namespace scoresde
