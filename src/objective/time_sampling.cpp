#include "objective/time_sampling.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace scoresde {
namespace {

TimeDraw draw_uniform(const Sde& sde, double u, const TimeSamplingOptions&) {
  return {sde.t_min() + u * (sde.t_max() - sde.t_min()), 1};
}

// Song et al. (2021b), section 5.2, draw t with a density proportional to g^2 / sigma^2 to flatten the g^2-weighted
// loss. For every linear SDE (log (sigma^2 / alpha^2))' = g^2 / sigma^2, so that density is uniform in the log-SNR.
double time_of_log_snr_share(const Sde& sde, double u) {
  const double high = sde.log_snr(sde.t_min()), low = sde.log_snr(sde.t_max());
  return std::clamp(sde.time_at(high + u * (low - high)), sde.t_min(), sde.t_max());
}

TimeDraw draw_importance(const Sde& sde, double u, const TimeSamplingOptions&) {
  const double t = time_of_log_snr_share(sde, u);
  const double g = sde.diffusion(t), sigma = sde.marginal(t).sigma;
  const double mass = 2 * (sde.log_snr(sde.t_min()) - sde.log_snr(sde.t_max()));  // integral of g^2 / sigma^2
  return {t, mass / (g * g / (sigma * sigma) * (sde.t_max() - sde.t_min()))};
}

TimeDraw draw_log_snr(const Sde& sde, double u, const TimeSamplingOptions&) {
  return {time_of_log_snr_share(sde, u), 1};
}

// ln(sigma / alpha) ~ N(mean, std^2), truncated to the SDE's range.
TimeDraw draw_log_normal(const Sde& sde, double u, const TimeSamplingOptions& options) {
  const auto position = [&](double t) { return (-sde.log_snr(t) - options.log_mean) / options.log_std; };
  const double low = normal_cdf(position(sde.t_min())), high = normal_cdf(position(sde.t_max()));
  if (!(low < high)) return draw_uniform(sde, u, options);  // all mass lies outside: nothing to prefer inside
  const double log_sigma = options.log_mean + options.log_std * normal_quantile(low + u * (high - low));
  return {std::clamp(sde.time_at(-log_sigma), sde.t_min(), sde.t_max()), 1};
}

TimeDraw draw_fixed(const Sde& sde, double, const TimeSamplingOptions& options) {
  return {std::clamp(options.time, sde.t_min(), sde.t_max()), 1};
}

constexpr TimeSamplingEntry time_sampling_table[] = {
    {"uniform", "t uniform in [t_min, t_max] (Song et al. 2021)", draw_uniform},
    {"importance",
     "density g^2 / sigma^2 with the loss divided by it: the variance falls, the expectation stays "
     "(Song et al. 2021b)",
     draw_importance},
    {"log-snr", "uniform in log(alpha / sigma), part of the objective (Kingma et al. 2021)", draw_log_snr},
    {"log-normal", "ln(sigma / alpha) normal, part of the objective (Karras et al. 2022)", draw_log_normal},
    {"fixed", "one noise level alone: score matching as it was before annealing", draw_fixed},
};

}  // namespace

std::span<const TimeSamplingEntry> time_samplings() { return time_sampling_table; }

double normal_cdf(double x) { return 0.5 * std::erfc(-x / std::numbers::sqrt2); }

double normal_quantile(double p) {
  if (!(p > 0)) return -38;
  if (!(p < 1)) return 38;
  if (p > 0.5) return -normal_quantile(1 - p);
  // Abramowitz & Stegun 26.2.23 starts within 4.5e-4; Newton on log cdf, which is concave, doubles the digits from
  // there.
  const double s = std::sqrt(-2 * std::log(p));
  double x = -(s - (2.515517 + s * (0.802853 + s * 0.010328)) / (1 + s * (1.432788 + s * (0.189269 + s * 0.001308))));
  for (int k = 0; k < 4; ++k) {
    const double cdf = normal_cdf(x);
    const double density = std::exp(-0.5 * x * x) / std::sqrt(2 * std::numbers::pi);
    x -= std::log(cdf / p) * cdf / density;
  }
  return x;
}

}  // namespace scoresde
