#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "likelihood/flow.h"

namespace scoresde {

/// What is evaluated: items of 8-bit pictures have a probability, rows of tables a density.
enum class ItemKind { eight_bit, continuous };

struct LikelihoodOptions {
  FlowOptions flow;
  std::string divergence = "rademacher";  ///< see divergences()
  int probes = 1;
  std::string dequantisation = "uniform";  ///< eight_bit: see dequantisations()
  bool as_at_t_min = false;  ///< take data as if they were x at t_min, as the reference does: no term for truncation
  std::uint64_t seed = 0;
};

/// -log p of every item in nats, as the sum of its parts. Rows are items.
struct NegativeLogLikelihood {
  Times prior;           ///< -log N(z; 0, prior_std^2 I) at the end z of the flow
  Times divergence;      ///< minus the integral of the velocity's divergence
  Times truncation;      ///< from t_min down to 0, see below; 0 where nothing is cut off
  Times dequantisation;  ///< -log of the volume of a bin; 0 for tables
  Times probe_error;     ///< standard error of `divergence` from the spread of the probes; NaN: too few to tell
  std::vector<std::uint32_t> evaluations;  ///< of the flow's velocity
  std::vector<bool> converged;

  Times total() const { return prior + divergence + truncation + dequantisation; }
};

/// The exact log-likelihood of the probability flow (Song et al. 2021, eq. 39).
///
/// The flow begins at t_min, not at 0. Data become x = alpha y + sigma z there, z ~ N(0, I) one draw, and are brought
/// back by the decoder N(y; (x + sigma^2 score) / alpha, (sigma / alpha)^2 I) that sampling's last step stands for:
///   log p(y) >= E[log p_t(x) + log N(y; decoder) - log N(x; alpha y, sigma^2 I)],
/// truncation = (|y - decoded|^2 (alpha / sigma)^2 - |z|^2) / 2 - D log alpha. With `as_at_t_min` x = y and the term is
/// 0: neither a bound nor the likelihood of anything, but what is usually published.
///
/// x: levels u / 127.5 - 1 (eight_bit) or rows in model units. Noise of row i is addressed by samples[i]: no number
/// depends on batch-mates.
NegativeLogLikelihood negative_log_likelihood(const Sde& sde, const Score& score, const Batch& x, ItemKind kind,
                                              std::span<const std::uint64_t> samples, const LikelihoodOptions& options);

struct BoundOptions {
  int samples = 64;  ///< times drawn an item; every fourth a decoding too
  std::uint64_t seed = 0;
};

/// An upper bound of -log p of the generative SDE, item by item in nats.
struct VariationalBound {
  Times prior;           ///< KL(p(x_T | x_0) || prior)
  Times diffusion;       ///< 1/2 of the integral of g^2 E|s(x_t, t) - grad log p(x_t | x_0)|^2
  Times reconstruction;  ///< E[-log p(x_0 | x_{t_min})]
  Times standard_error;  ///< of the sum, from the draws

  Times total() const { return prior + diffusion + reconstruction; }
};

/// Likelihood-weighted denoising score matching as a bound (Song et al. 2021b, theorem 3, in the form of Kingma et al.
/// 2021). Times are drawn evenly in log-SNR, in which the integrand is |sigma s + z|^2: importance sampling by
/// g^2 / sigma^2, stratified within each item. The decoder is N((x + sigma^2 s) / alpha, (sigma / alpha)^2 I) at t_min:
/// its density for tables, for 8-bit levels its mass in their bin (the first and last bins reach to infinity), so that
/// nothing has to be dequantised. An exact score makes it equal to -log p up to the decoder and the truncated prior.
VariationalBound variational_bound(const Sde& sde, const Score& score, const Batch& x, ItemKind kind,
                                   std::span<const std::uint64_t> samples, const BoundOptions& options);

}  // namespace scoresde
