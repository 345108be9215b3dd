#include <cmath>

#include "sde/ranged.h"

namespace scoresde {
namespace {

/// The straight path of rectified flow and flow matching (Liu et al. 2023; Lipman et al. 2023) as a diffusion:
/// alpha = 1 - t, sigma = t, hence f = -1 / (1 - t), g^2 = 2 t / (1 - t). Both grow without bound at t = 1, so t_max
/// stays below 1.
class RectifiedSde : public RangedSde {
 public:
  explicit RectifiedSde(const TimeRange& range) : RangedSde(range) {}

  std::string_view name() const override { return "rectified"; }
  double drift(double t) const override { return -1 / (1 - t); }
  double diffusion(double t) const override { return std::sqrt(2 * t / (1 - t)); }
  Marginal marginal(double t) const override { return {1 - t, t}; }
  Transition transition(double s, double t) const override {
    return {(1 - t) / (1 - s), std::sqrt((t - s) * (t * (1 - s) + s * (1 - t))) / (1 - s)};
  }
};

}  // namespace

std::unique_ptr<Sde> make_rectified(const SdeConfig& config) {
  // alpha(0.995) = 0.005, near that of vp at its end; |f| <= 200. sigma(t_min) = 0.001 as for vp.
  const TimeRange range = time_range(config, {1e-3, 0.995, 1e-3});
  if (range.t_max > 0.9999) fail(Failure::usage, "sde rectified: t_max = {} is above 0.9999", range.t_max);
  return std::make_unique<RectifiedSde>(range);
}

}  // namespace scoresde
