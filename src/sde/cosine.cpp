#include <cmath>
#include <numbers>

#include "sde/ranged.h"

namespace scoresde {
namespace {

// Nichol & Dhariwal (2021), eq. 17: keeps beta(0) above zero.
constexpr double cosine_offset = 0.008;

/// Nichol & Dhariwal (2021), eq. 17 in continuous time: alpha = cos(u) / cos(u_0), u = pi/2 (t + 0.008) / 1.008,
/// sigma^2 = 1 - alpha^2. beta = 2 u' tan(u) grows without bound at t = 1 (they clip it), so t_max stays below 1.
class CosineSde : public RangedSde {
 public:
  explicit CosineSde(const TimeRange& range) : RangedSde(range) {}

  std::string_view name() const override { return "cosine"; }
  double drift(double t) const override { return -rate * std::tan(angle(t)); }
  double diffusion(double t) const override { return std::sqrt(2 * rate * std::tan(angle(t))); }
  Marginal marginal(double t) const override {
    const Transition whole = transition(0, t);
    return {whole.scale, whole.std};
  }

  // 1 - cos(u_t)^2 / cos(u_s)^2 = sin(u_t - u_s) sin(u_t + u_s) / cos(u_s)^2
  Transition transition(double s, double t) const override {
    const double from = angle(s), to = angle(t);
    return {std::cos(to) / std::cos(from), std::sqrt(std::sin(rate * (t - s)) * std::sin(to + from)) / std::cos(from)};
  }

 private:
  static constexpr double rate = std::numbers::pi / 2 / (1 + cosine_offset);
  static double angle(double t) { return rate * (t + cosine_offset); }
};

}  // namespace

std::unique_ptr<Sde> make_cosine(const SdeConfig& config) {
  // alpha(0.996) = 0.0062, near that of vp at its end.
  const TimeRange range = time_range(config, {1e-5, 0.996, 1e-3});
  if (range.t_max > 0.9999) fail(Failure::usage, "sde cosine: t_max = {} is above 0.9999", range.t_max);
  return std::make_unique<CosineSde>(range);
}

}  // namespace scoresde
