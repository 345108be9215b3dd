#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/noise.h"
#include "core/sum.h"
#include "likelihood/dequantise.h"

namespace scoresde {
namespace {

double bin_noise_cdf(double x) { return 0.5 * std::erfc(-x / std::numbers::sqrt2); }

// The x > 0 of P(|N(0, 1)| < x) = p times its limit: bisection, for the function is cheap beside a network, and every
// start leads to the same bits.
double truncated_quantile(double p, double limit) {
  const double wanted = 0.5 + p * (bin_noise_cdf(limit) - 0.5);
  double low = 0, high = limit;
  for (int k = 0; k < 60; ++k) {
    const double middle = 0.5 * (low + high);
    (bin_noise_cdf(middle) < wanted ? low : high) = middle;
  }
  return 0.5 * (low + high);
}

}  // namespace

// Zheng et al. (2023): the SDE's own noise, x = alpha u + sigma z, with z cut so that x stays in the bin of
// its level; nothing is truncated and training has seen such x. |z| < tau = h alpha / sigma, h half a bin. The flow
// begins where tau is 3 or, where the SDE does not go down so far, at t_min with a smaller tau.
Dequantised dequantise_truncated_normal(const Sde& sde, const Batch& levels, std::uint64_t seed,
                                        std::span<const std::uint64_t> samples, std::uint32_t draw) {
  constexpr double half_bin = 1. / 255, most_tau = 3;
  const double t = std::clamp(sde.time_at(std::log(most_tau / half_bin)), sde.t_min(), sde.t_max());
  const Marginal m = sde.marginal(t);
  const double tau = half_bin * m.alpha / m.sigma;
  const double log_share = std::log(std::erf(tau / std::numbers::sqrt2));
  Dequantised result{Batch(levels.rows(), levels.cols()), t, {}};
  Batch z(levels.rows(), levels.cols());
  for (Index i = 0; i < levels.rows(); ++i) {
    const std::span<double> row(&z(i, 0), static_cast<std::size_t>(z.cols()));
    fill_uniform({seed, Purpose::dequantise, samples[static_cast<std::size_t>(i)], 0, draw}, row);
    for (double& value : row) value = std::copysign(truncated_quantile(std::abs(2 * value - 1), tau), value - 0.5);
  }
  result.x = m.alpha * levels + m.sigma * z;
  result.log_volume =
      row_sum(0.5 * z.square() + (0.5 * std::log(2 * std::numbers::pi) + log_share + std::log(m.sigma)));
  return result;
}

}  // namespace scoresde
