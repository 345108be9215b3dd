#pragma once
#include "ode/ode.h"
#include "sampler/solver.h"

namespace scoresde {

/// The probability flow by Dormand-Prince 5(4), every sample with steps of its own, or the batch as one system.
class Rk45 : public Solver {
 public:
  explicit Rk45(const SolverOptions& options, bool one_system = false)
      : options_{.rtol = options.rtol, .atol = options.atol, .one_system = one_system} {}

  Batch step(const ReverseProcess& process, const Batch& x, const Interval& interval) override;
  const AdaptiveReport* adaptive() const override { return &report_; }

 private:
  OdeOptions options_;
  AdaptiveReport report_;
};

}  // namespace scoresde
