#include "sampler/solver.h"

namespace scoresde {
namespace {

/// Euler's method on the probability flow (Song et al. 2021, eq. 13).
class FlowEuler : public Solver {
 public:
  Batch step(const ReverseProcess& p, const Batch& x, const Interval& i) override {
    return x + (i.s - i.t) * flow_velocity(p.sde, p.score, x, times_of(x.rows(), i.t));
  }
};

}  // namespace

std::unique_ptr<Solver> make_flow_euler(const SolverOptions&) { return std::make_unique<FlowEuler>(); }

}  // namespace scoresde
