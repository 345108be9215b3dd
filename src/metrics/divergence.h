#pragma once
#include "metrics/metric.h"

namespace scoresde {

/// KL(p | q) = E_p log p/q from log densities at draws of p: a mean with its standard error.
MetricValue kl_from_densities(const Times& log_p, const Times& log_q);

/// Jensen-Shannon, E_p log(p/m) / 2 + E_q log(q/m) / 2 with m = (p + q) / 2, in [0, log 2], from log densities at draws
/// of both.
MetricValue js_from_densities(const KnownDensities& at);

/// KL(p | q) from draws x of p and y of q alone: mean of D log(nu_k / rho_k) + log(m / (n - 1)), rho_k and nu_k the
/// distances to the k-th nearest other row of x and row of y (Wang, Kulkarni & Verdu 2009, eq. 25), k = 5.
/// Consistent, but biased in a sample of n by about n^(-1/D), towards 0 far in the tails. NaN where rows repeat.
MetricValue kl_from_neighbours(const Batch& x, const Batch& y);

/// Jensen-Shannon the same way: the density of m is that of both samples pooled.
MetricValue js_from_neighbours(const Batch& x, const Batch& y);

}  // namespace scoresde
