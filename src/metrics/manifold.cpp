#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "metrics/estimate.h"
#include "metrics/pairwise.h"

namespace scoresde {
namespace {

constexpr int kManifoldNeighbours = 5;
constexpr std::size_t kCases = kMetricGroups + 1;  // each group left out, then none
using Radii = std::array<double, kCases>;

/// The k-th smallest of the squared distances from row `row` to all rows but itself, in every case.
Radii squared_radii(const Batch::ConstRowXpr& distances, Index row) {
  const Index n = distances.size();
  std::vector<std::pair<double, Index>> near;
  for (Index j = 0; j < n; ++j)
    if (j != row) near.emplace_back(distances[j], group_of(j, n));
  // k + the largest group are enough, whichever group is left out.
  const auto enough =
      std::min<std::size_t>(near.size(), kManifoldNeighbours + static_cast<std::size_t>(n / kMetricGroups) + 1);
  std::partial_sort(near.begin(), near.begin() + static_cast<std::ptrdiff_t>(enough), near.end());
  Radii radii;
  for (std::size_t g = 0; g < kCases; ++g) {
    int k = kManifoldNeighbours;
    for (const auto& [distance, group] : near)
      if (static_cast<std::size_t>(group) != g && --k == 0) {
        radii[g] = distance;
        break;
      }
  }
  return radii;
}

/// What the balls around the rows of `balls`, each as wide as its k-th neighbour is far, say of the rows of `points`.
struct BallCounts {
  std::array<double, kCases> inside{};   ///< share of points in at least one ball
  std::array<double, kCases> density{};  ///< mean number of balls a point is in, over k
  std::array<double, kCases> covered{};  ///< share of balls with at least one point in them
};

BallCounts count_balls(const Batch& balls, const Batch& points) {
  const Index n = balls.rows(), m = points.rows();
  BallCounts counts;
  std::vector<std::array<bool, kCases>> inside(static_cast<std::size_t>(m));
  std::array<double, kCases> ball_rows{}, point_rows{};
  for (std::size_t g = 0; g < kCases; ++g)
    for (Index i = 0; i < n; ++i) {
      ball_rows[g] += static_cast<std::size_t>(group_of(i, n)) != g;
      point_rows[g] += static_cast<std::size_t>(group_of(i, m)) != g;
    }
  constexpr Index at_once = 16;  // rows that a pass over all others serves: 64 KB of 512 values
  Batch to_balls, to_points;
  for (Index i = 0; i < n; ++i) {
    if (i % at_once == 0) {
      const Index count = std::min(at_once, n - i);
      to_balls = squared_distances(balls, i, count, balls);
      to_points = squared_distances(balls, i, count, points);
    }
    const Radii radii = squared_radii(std::as_const(to_balls).row(i % at_once), i);
    const double widest = *std::max_element(radii.begin(), radii.end());
    const auto distances = to_points.row(i % at_once);
    std::array<bool, kCases> covered{};
    for (Index j = 0; j < m; ++j) {
      if (distances[j] > widest) continue;
      for (std::size_t g = 0; g < kCases; ++g) {
        if (distances[j] > radii[g] || static_cast<std::size_t>(group_of(i, n)) == g ||
            static_cast<std::size_t>(group_of(j, m)) == g)
          continue;
        inside[static_cast<std::size_t>(j)][g] = covered[g] = true;
        counts.density[g] += 1 / (kManifoldNeighbours * point_rows[g]);
      }
    }
    for (std::size_t g = 0; g < kCases; ++g) counts.covered[g] += covered[g] / ball_rows[g];
  }
  for (const auto& in : inside)
    for (std::size_t g = 0; g < kCases; ++g) counts.inside[g] += in[g] / point_rows[g];
  return counts;
}

MetricValue jackknife_of_cases(const std::array<double, kCases>& cases) {
  return jackknife([&](Index g) { return cases[g < 0 ? kCases - 1 : static_cast<std::size_t>(g)]; });
}

}  // namespace

/// Share of samples inside the estimated manifold of the data, and the other way round (Kynkaanniemi et al. 2019),
/// k = 5. Equal laws give 1 in few dimensions and less in many, 0.47 for 10,000 rows of N(0, I) in 1,024: compare with
/// the floor.
MetricValue measure_precision(const TwoSamples& pair) {
  return jackknife_of_cases(count_balls(pair.reference, pair.samples).inside);
}
MetricValue measure_recall(const TwoSamples& pair) {
  return jackknife_of_cases(count_balls(pair.samples, pair.reference).inside);
}

/// Naeem et al. (2020), eqs. 4 and 5, k = 5. Equal laws: density 1, coverage 1 - prod_j (n - j) / (2 n - j), j = 1 ..
/// k, which is 31/32.
MetricValue measure_density(const TwoSamples& pair) {
  return jackknife_of_cases(count_balls(pair.reference, pair.samples).density);
}
MetricValue measure_coverage(const TwoSamples& pair) {
  return jackknife_of_cases(count_balls(pair.reference, pair.samples).covered);
}

}  // namespace scoresde
