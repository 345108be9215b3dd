#include <cmath>

#include "sde/ranged.h"

namespace scoresde {
namespace {

/// Song et al. (2021), eq. 11 and 32: beta(t) = beta_min + t (beta_max - beta_min), dx = -beta x / 2 dt + sqrt(beta)
/// dw.
class VpSde : public RangedSde {
 public:
  VpSde(const LinearBeta& beta, const TimeRange& range) : RangedSde(range), beta_(beta) {}

  std::string_view name() const override { return "vp"; }
  double drift(double t) const override { return -0.5 * beta_(t); }
  double diffusion(double t) const override { return std::sqrt(beta_(t)); }
  Marginal marginal(double t) const override {
    const double integral = beta_.integral(0, t);
    return {std::exp(-0.5 * integral), std::sqrt(-std::expm1(-integral))};
  }
  double prior_std() const override { return 1; }
  Transition transition(double s, double t) const override {
    const double integral = beta_.integral(s, t);
    return {std::exp(-0.5 * integral), std::sqrt(-std::expm1(-integral))};
  }

 private:
  LinearBeta beta_;
};

}  // namespace

std::unique_ptr<Sde> make_vp(const SdeConfig& config) {
  return std::make_unique<VpSde>(LinearBeta(config), time_range(config, {1e-5, 1, 1e-3}));
}

}  // namespace scoresde
