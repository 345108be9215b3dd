#pragma once
#include <string>
#include <vector>

#include "inverse/method.h"
#include "score/analytic.h"
#include "score/posterior.h"

namespace scoresde::test {

/// A mixture of two Gaussians of unlike covariances (or the first alone), about as wide as data in model units.
inline std::vector<MixtureComponent> small_prior(Index dimension, bool mixture) {
  std::vector<MixtureComponent> components;
  for (int k = 0; k < (mixture ? 2 : 1); ++k) {
    Eigen::ArrayXd mean(dimension);
    Eigen::MatrixXd root(dimension, dimension);
    for (Index i = 0; i < dimension; ++i) {
      mean[i] = (k == 0 ? 0.35 : -0.35) * std::cos(1.0 + static_cast<double>(i));
      for (Index j = 0; j < dimension; ++j)
        root(i, j) = 0.12 * std::cos(0.7 * static_cast<double>((i + 1) * (j + 1)) + k) + (i == j ? 0.2 : 0);
    }
    components.push_back({0.5 + 0.1 * k, Gaussian(mean, root * root.transpose())});
  }
  return components;
}

/// One measurement of a draw of the prior.
struct SmallProblem {
  std::vector<MixtureComponent> prior;
  Measurement measurement;  // one row

  SmallProblem(std::shared_ptr<const Operator> op, bool mixture, double sigma, std::uint64_t seed = 5)
      : prior(small_prior(op->inputs(), mixture)) {
    const Batch truth = draw_rows(prior, 1, seed);
    const std::uint64_t id = 0;
    measurement = {op, simulate(*op, truth, {.sigma = sigma}, seed, {&id, 1}), sigma};
  }

  std::vector<MixtureComponent> posterior() const {
    return scoresde::posterior(prior, linear_measurement(dense_matrix(*measurement.op),
                                                         measurement.y.row(0).transpose().matrix(), measurement.sigma));
  }
};

inline std::vector<std::uint64_t> first_ids(Index n, std::uint64_t first = 0) {
  std::vector<std::uint64_t> ids;
  for (Index k = 0; k < n; ++k) ids.push_back(first + static_cast<std::uint64_t>(k));
  return ids;
}

}  // namespace scoresde::test
