#include <algorithm>
#include <cmath>
#include <vector>

#include "metrics/pairwise.h"

namespace scoresde {

/// 2 E|x - y| - E|x - x'| - E|y - y'| (Szekely & Rizzo 2013, eq. 2).
MetricValue measure_energy(const TwoSamples& pair) {
  return kernel_statistic(pair, [](double squared) { return -std::sqrt(squared); });
}

namespace {

// The median squared distance between rows of the reference: of at most 500, as a scale needs no more.
double median_squared_distance(const Batch& x) {
  const Index rows = std::min<Index>(x.rows(), 500);
  std::vector<double> values;
  for (Index i = 0; i < rows; ++i)
    for (Index j = 0; j < i; ++j) values.push_back(squared_distance(&x(i, 0), &x(j, 0), x.cols()));
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace

/// MMD^2 with the mean of the kernels exp(-|x - y|^2 / (2 b^2)), b = 1/4, 1/2, 1, 2 of the reference's median distance.
/// The widths look at the reference alone, so they are the same for every model that is compared with it.
MetricValue measure_mmd(const TwoSamples& pair) {
  const double median = std::max(median_squared_distance(pair.reference), 1e-300);
  return kernel_statistic(pair, [median](double squared) {
    // exp(-r/2), of widths 1/2 and 1/4 its 4th and 16th powers: one exponential serves three kernels and the widest is
    // the fourth root.
    const double widest = std::exp(-0.125 * squared / median);
    const double one = (widest * widest) * (widest * widest);
    const double half = (one * one) * (one * one);
    return 0.25 * (widest + one + half + (half * half) * (half * half));
  });
}

}  // namespace scoresde
