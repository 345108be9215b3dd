#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "core/noise.h"
#include "core/sum.h"
#include "metrics/estimate.h"

namespace scoresde {
namespace {

constexpr Index kSlices = 128;

/// A unit vector a row, uniform on the sphere; in one dimension the one direction there is.
Batch slice_directions(std::uint64_t seed, Index dimension) {
  if (dimension == 1) return Batch::Ones(1, 1);
  Batch directions(kSlices, dimension);
  for (Index l = 0; l < kSlices; ++l)
    fill_normal({.seed = seed, .purpose = Purpose::projection, .sample = static_cast<std::uint64_t>(l)},
                std::span(&directions(l, 0), static_cast<std::size_t>(dimension)));
  return directions.colwise() / row_norm(directions);
}

/// Values along a direction in rising order, each with the group of its row.
struct SortedSlice {
  SortedSlice(const Batch& x, const double* direction) : values(x.rows()), groups(x.rows()) {
    Times along(x.rows());
    for (Index i = 0; i < x.rows(); ++i)
      along[i] = ordered_dot(&x(i, 0), direction, static_cast<std::size_t>(x.cols()));
    std::vector<Index> order(static_cast<std::size_t>(x.rows()));
    std::iota(order.begin(), order.end(), 0);
    std::sort(order.begin(), order.end(), [&](Index i, Index j) { return along[i] < along[j]; });
    for (Index i = 0; i < x.rows(); ++i) {
      values[i] = along[order[static_cast<std::size_t>(i)]];
      groups[i] = group_of(order[static_cast<std::size_t>(i)], x.rows());
    }
  }
  Times values;
  Eigen::Array<Index, Eigen::Dynamic, 1> groups;
};

// W_p^p between two samples on the line: the i-th smallest goes to the i-th smallest.
double sorted_cost(const SortedSlice& a, const SortedSlice& b, int power, Index left_out) {
  Times costs(a.values.size());
  Index count = 0;
  for (Index i = 0, j = 0; i < a.values.size(); ++i) {
    if (a.groups[i] == left_out) continue;
    while (b.groups[j] == left_out) ++j;
    const double distance = std::abs(a.values[i] - b.values[j++]);
    costs[count++] = power == 1 ? distance : distance * distance;
  }
  return ordered_sum(costs.data(), static_cast<std::size_t>(count)) / static_cast<double>(count);
}

MetricValue sliced_wasserstein(const TwoSamples& pair, int power) {
  const Batch directions = slice_directions(pair.seed, pair.samples.cols());
  Batch costs(kMetricGroups + 1, directions.rows());  // last: no group left out
  for (Index l = 0; l < directions.rows(); ++l) {
    const SortedSlice a(pair.samples, &directions(l, 0)), b(pair.reference, &directions(l, 0));
    for (Index g = 0; g < kMetricGroups; ++g) costs(g, l) = sorted_cost(a, b, power, g);
    costs(kMetricGroups, l) = sorted_cost(a, b, power, -1);
  }
  const Times means = row_mean(costs);
  return jackknife([&](Index g) {
    const double mean = means[g < 0 ? kMetricGroups : g];
    return power == 1 ? mean : std::sqrt(mean);
  });
}

}  // namespace

/// (mean over directions of W_p^p along them)^(1/p) (Rabin et al. 2012; Bonneel et al. 2015), 128 directions. On the
/// line it is the Wasserstein distance itself.
MetricValue measure_w1(const TwoSamples& pair) { return sliced_wasserstein(pair, 1); }
MetricValue measure_w2(const TwoSamples& pair) { return sliced_wasserstein(pair, 2); }

}  // namespace scoresde
