#include <algorithm>
#include <cmath>

#include "metrics/pairwise.h"

namespace scoresde {

/// 2 E|x - y| - E|x - x'| - E|y - y'| (Szekely & Rizzo 2013, eq. 2).
MetricValue measure_energy(const TwoSamples& pair) {
  return kernel_statistic(
      pair, [](const double* x, const double* y, Index d) { return -std::sqrt(squared_distance(x, y, d)); });
}

/// MMD^2 with the mean of the kernels exp(-|x - y|^2 / (2 b^2)), b = 1/4, 1/2, 1, 2 of the reference's median distance.
/// The widths look at the reference alone, so they are the same for every model that is compared with it.
MetricValue measure_mmd(const TwoSamples& pair) {
  const double median = std::max(median_squared_distance(pair.reference), 1e-300);
  return kernel_statistic(pair, [median](const double* x, const double* y, Index d) {
    // exp(-r/2), of widths 1/2 and 1/4 its 4th and 16th powers: one exponential serves three kernels and the widest is
    // the fourth root.
    const double widest = std::exp(-0.125 * squared_distance(x, y, d) / median);
    const double one = (widest * widest) * (widest * widest);
    const double half = (one * one) * (one * one);
    return 0.25 * (widest + one + half + (half * half) * (half * half));
  });
}

/// MMD^2 with the kernel (x . y / D + 1)^3 over all pairs: unbiased at any number of rows (Binkowski et al. 2018,
/// section 4). Blocks of 1,000 rows, as often reported, have the same expectation and a larger error.
MetricValue measure_kid(const TwoSamples& pair) {
  return kernel_statistic(pair, [](const double* x, const double* y, Index d) {
    const double base = dot_product(x, y, d) / static_cast<double>(d) + 1;
    return base * base * base;
  });
}

}  // namespace scoresde
