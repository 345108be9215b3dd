#include <cmath>

#include "sde/ranged.h"

namespace scoresde {
namespace {

/// Song et al. (2021), eq. 12: the drift of vp, g^2 = beta (1 - alpha^4); sigma = 1 - alpha^2, below that of vp.
class SubVpSde : public RangedSde {
 public:
  SubVpSde(const LinearBeta& beta, const TimeRange& range) : RangedSde(range), beta_(beta) {}

  std::string_view name() const override { return "sub-vp"; }
  double drift(double t) const override { return -0.5 * beta_(t); }
  double diffusion(double t) const override { return std::sqrt(beta_(t) * -std::expm1(-2 * beta_.integral(0, t))); }
  Marginal marginal(double t) const override {
    const double integral = beta_.integral(0, t);
    return {std::exp(-0.5 * integral), -std::expm1(-integral)};
  }
  double prior_std() const override { return 1; }

  // With A = alpha^2 and R = A_t / A_s: (1 - A_t)^2 - R (1 - A_s)^2 = (1 - R) (1 - A_s A_t).
  Transition transition(double s, double t) const override {
    const double integral = beta_.integral(s, t);
    const double both = beta_.integral(0, s) + beta_.integral(0, t);
    return {std::exp(-0.5 * integral), std::sqrt(std::expm1(-integral) * std::expm1(-both))};
  }

 private:
  LinearBeta beta_;
};

}  // namespace

std::unique_ptr<Sde> make_sub_vp(const SdeConfig& config) {
  return std::make_unique<SubVpSde>(LinearBeta(config), time_range(config, {1e-5, 1, 1e-3}));
}

}  // namespace scoresde
