#pragma once
#include <memory>

#include "sampler/multistep.h"

namespace scoresde {

/// An exponential method without history: `order` evaluations a step, 2 or 3 (3: without noise only).
struct SinglestepMethod {
  Estimate estimate;
  int order;
  double eta = 0;
};
std::unique_ptr<Solver> singlestep(const SinglestepMethod& method, const SolverOptions& options);

/// For rows of the table of solvers.
template <SinglestepMethod method>
std::unique_ptr<Solver> make_singlestep(const SolverOptions& options) {
  return singlestep(method, options);
}

}  // namespace scoresde
