#include "likelihood/likelihood.h"

#include <cmath>

#include "core/catalog.h"
#include "core/noise.h"
#include "core/sum.h"
#include "likelihood/dequantise.h"

namespace scoresde {
namespace {

// Data noised to t_min, and what that and the way back cost.
struct NoisedData {
  Batch x;
  Times cost;
};

NoisedData noise_to_t_min(const Sde& sde, const Score& score, const Batch& y, std::span<const std::uint64_t> samples,
                          std::uint64_t seed) {
  const Marginal m = sde.marginal(sde.t_min());
  const CounterNoise noise(seed, {samples.begin(), samples.end()}, y.cols());
  const Batch z = noise.normal(Purpose::dequantise, {0, 0, 1});
  NoisedData result{m.alpha * y + m.sigma * z, {}};
  const Batch miss = (y - denoise(sde, score, result.x, times_of(y.rows(), sde.t_min()))) * (m.alpha / m.sigma);
  result.cost =
      0.5 * (row_sum(miss.square()) - row_sum(z.square())) - static_cast<double>(y.cols()) * std::log(m.alpha);
  return result;
}

}  // namespace

NegativeLogLikelihood negative_log_likelihood(const Sde& sde, const Score& score, const Batch& x, ItemKind kind,
                                              std::span<const std::uint64_t> samples,
                                              const LikelihoodOptions& options) {
  if (samples.size() != static_cast<std::size_t>(x.rows()) || x.cols() != score.dimension())
    fail(Failure::usage, "a likelihood of dimension {} was given {} x {} values and {} samples", score.dimension(),
         x.rows(), x.cols(), samples.size());
  const DivergenceEntry& estimator = find_entry("divergence", divergences(), options.divergence);
  const Probes probes = make_probes(options.divergence, options.probes, options.seed, samples, x.cols());

  Dequantised start{x, sde.t_min(), Times::Zero(x.rows())};
  bool truncated = !options.as_at_t_min;
  if (kind == ItemKind::eight_bit) {
    const auto& entry = find_entry("dequantisation", dequantisations(), options.dequantisation);
    start = entry.draw(sde, x, options.seed, samples, 0);
    truncated = truncated && entry.at_data;
  }
  NegativeLogLikelihood result{.truncation = Times::Zero(x.rows()), .dequantisation = -start.log_volume};
  if (truncated) {
    NoisedData noised = noise_to_t_min(sde, score, start.x, samples, options.seed);
    start.x = std::move(noised.x);
    result.truncation = std::move(noised.cost);
  }
  FlowResult end = flow_with_divergence(sde, score, start.x, start.t, sde.t_max(), probes, options.flow);
  result.prior = -prior_log_density(sde, end.x);
  result.divergence = -row_mean(end.divergence);
  result.probe_error = probe_error(estimator, end.divergence, x.cols());
  result.evaluations = std::move(end.evaluations);
  result.converged = std::move(end.converged);
  return result;
}

}  // namespace scoresde
