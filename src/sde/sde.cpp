#include "sde/sde.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/sum.h"
#include "sde/ranged.h"

namespace scoresde {

double Sde::log_snr(double t) const {
  const Marginal m = marginal(t);
  return std::log(m.alpha) - std::log(m.sigma);
}

double Sde::time_at(double target) const {
  double low = t_min(), high = t_max();
  if (!(target < log_snr(low))) return low;
  if (!(target > log_snr(high))) return high;
  // Newton in log t: near t = 0 the log-SNR is close to linear in log t, and far from linear in t.
  double t = std::sqrt(low * high);
  for (int i = 0; i < 200; ++i) {
    const double miss = log_snr(t) - target;
    if (miss == 0) return t;
    (miss > 0 ? low : high) = t;
    const double g = diffusion(t), sigma = marginal(t).sigma;
    const double slope = -0.5 * t * g * g / (sigma * sigma);  // d lambda / d log t, as lambda' = -g^2 / (2 sigma^2)
    double next = t * std::exp(std::clamp(-miss / slope, -50.0, 50.0));
    if (!(next > low && next < high)) next = std::sqrt(low) * std::sqrt(high);
    if (std::abs(next - t) <= 2e-16 * t || !(next > low && next < high)) return next;
    t = next;
  }
  return t;
}

Transition Sde::transition(double s, double t) const {
  // sigma_t^2 - (alpha_t / alpha_s)^2 sigma_s^2 = sigma_t^2 (1 - e^(2 (lambda_t - lambda_s)))
  const Marginal from = marginal(s), to = marginal(t);
  return {to.alpha / from.alpha, to.sigma * std::sqrt(-std::expm1(2 * std::min(0.0, log_snr(t) - log_snr(s))))};
}

Marginals marginals(const Sde& sde, const Times& t) {
  Marginals result{Times(t.size()), Times(t.size())};
  for (Index i = 0; i < t.size(); ++i) {
    const Marginal m = sde.marginal(t[i]);
    result.alpha[i] = m.alpha;
    result.sigma[i] = m.sigma;
  }
  return result;
}

Times prior_log_density(const Sde& sde, const Batch& x) {
  const double variance = sde.prior_std() * sde.prior_std();
  const double constant = -0.5 * static_cast<double>(x.cols()) * std::log(2 * std::numbers::pi * variance);
  return constant - row_dot(x, x) / (2 * variance);
}

LinearBeta::LinearBeta(const SdeConfig& config) : first_(config.beta_min), slope_(config.beta_max - config.beta_min) {
  if (!(config.beta_min <= config.beta_max))
    fail(Failure::usage, "sde {}: beta_min = {} is above beta_max = {}", config.name, config.beta_min, config.beta_max);
}

TimeRange time_range(const SdeConfig& config, const TimeRange& defaults) {
  TimeRange range;
  range.t_min = config.t_min > 0 ? config.t_min : defaults.t_min;
  range.t_max = config.t_max > 0 ? config.t_max : defaults.t_max;
  range.t_end = config.t_end > 0 ? config.t_end : std::max(defaults.t_end, range.t_min);
  if (!(range.t_min > 0 && range.t_min <= range.t_end && range.t_end < range.t_max && std::isfinite(range.t_max)))
    fail(Failure::usage, "sde {}: 0 < t_min <= t_end < t_max is needed, not t_min = {}, t_end = {}, t_max = {}",
         config.name, range.t_min, range.t_end, range.t_max);
  return range;
}

}  // namespace scoresde
