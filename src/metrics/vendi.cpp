#include "metrics/vendi.h"

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>
#include <vector>

#include "metrics/estimate.h"
#include "metrics/pairwise.h"

namespace scoresde {
namespace {

constexpr Index kMostVendiRows = 400;  // an eigenvalue problem of that size for every group left out

Batch gaussian_similarities(const Batch& x, double squared_width, Index left_out) {
  std::vector<Index> kept;
  for (Index i = 0; i < x.rows(); ++i)
    if (group_of(i, x.rows()) != left_out) kept.push_back(i);
  const auto n = static_cast<Index>(kept.size());
  Batch k(n, n);
  for (Index i = 0; i < n; ++i)
    for (Index j = 0; j < n; ++j)
      k(i, j) = std::exp(-0.5 *
                         squared_distance(&x(kept[static_cast<std::size_t>(i)], 0),
                                          &x(kept[static_cast<std::size_t>(j)], 0), x.cols()) /
                         squared_width);
  return k;
}

}  // namespace

double vendi_score(const Batch& similarities) {
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> eigen(
      (similarities / static_cast<double>(similarities.rows())).matrix(), Eigen::EigenvaluesOnly);
  double entropy = 0;
  for (const double p : eigen.eigenvalues())
    if (p > 0) entropy -= p * std::log(p);
  return std::exp(entropy);
}

/// The samples' Vendi score over that of the reference, Gaussian similarity with half of the reference's median
/// distance as its width. The score grows with n: of at most 400 rows each.
MetricValue measure_vendi(const TwoSamples& pair) {
  const Index n = std::min(kMostVendiRows, pair.samples.rows());
  const Batch x = pair.samples.topRows(n), y = pair.reference.topRows(n);
  const double squared_width = 0.25 * std::max(median_squared_distance(y), 1e-300);
  return jackknife([&](Index g) {
    return vendi_score(gaussian_similarities(x, squared_width, g)) /
           vendi_score(gaussian_similarities(y, squared_width, g));
  });
}

}  // namespace scoresde
