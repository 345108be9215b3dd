#include <cmath>

#include "core/sum.h"

namespace scoresde {

void fill_gaussian_probes(std::uint64_t seed, std::uint64_t sample, Batch& probes);

// Gram-Schmidt of Gaussian directions is uniform over orthogonal frames. Twice: once leaves 1e-16 times the condition
// number of nearly dependent rows.
void fill_orthogonal_probes(std::uint64_t seed, std::uint64_t sample, Batch& probes) {
  fill_gaussian_probes(seed, sample, probes);
  const auto n = static_cast<std::size_t>(probes.cols());
  for (Index k = 0; k < probes.rows(); ++k) {
    for (int pass = 0; pass < 2; ++pass)
      for (Index j = 0; j < k; ++j) probes.row(k) -= ordered_dot(&probes(k, 0), &probes(j, 0), n) * probes.row(j);
    probes.row(k) /= std::sqrt(ordered_dot(&probes(k, 0), &probes(k, 0), n));
  }
  probes *= std::sqrt(static_cast<double>(n));
}

// The D estimates of a whole frame have the trace as their mean, and any n of them are exchangeable: the mean of n has
// the variance of sampling n of D without replacement, s^2 / n (1 - n / D), s^2 the variance between them.
double orthogonal_reduction(Index probes, Index dimension) {
  return 1 - static_cast<double>(probes) / static_cast<double>(dimension);
}

}  // namespace scoresde
