#pragma once
#include <string>
#include <vector>

#include "inverse/method.h"
#include "score/analytic.h"
#include "score/posterior.h"
#include "verify/restoration.h"

namespace scoresde::test {

/// One measurement of a draw of the prior.
struct SmallProblem {
  std::vector<MixtureComponent> prior;
  Measurement measurement;  // one row

  SmallProblem(std::shared_ptr<const Operator> op, bool mixture, double sigma, std::uint64_t seed = 5)
      : prior(restoration_prior(op->inputs(), mixture)) {
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
