#include "sampler/rk45.h"

namespace scoresde {

Batch Rk45::step(const ReverseProcess& p, const Batch& x, const Interval& i) {
  const Velocity velocity = [&](const Batch& y, const Times& t, std::span<const Index>) {
    return flow_velocity(p.sde, p.score, y, t);
  };
  OdeResult result = integrate_rk45(velocity, x, i.t, i.s, options_);
  report_ = {std::move(result.evaluations), std::move(result.converged)};
  return std::move(result.x);
}

std::unique_ptr<Solver> make_rk45(const SolverOptions& options) { return std::make_unique<Rk45>(options); }

}  // namespace scoresde
