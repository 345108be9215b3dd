#include "sampler/solver.h"

namespace scoresde {
namespace {

/// Heun's method (the explicit trapezoidal rule) on the probability flow.
class Heun : public Solver {
 public:
  Batch step(const ReverseProcess& p, const Batch& x, const Interval& i) override {
    const double dt = i.s - i.t;
    const Batch v = flow_velocity(p.sde, p.score, x, times_of(x.rows(), i.t));
    const Batch w = flow_velocity(p.sde, p.score, x + dt * v, times_of(x.rows(), i.s));
    return x + 0.5 * dt * (v + w);
  }
};

}  // namespace

std::unique_ptr<Solver> make_heun(const SolverOptions&) { return std::make_unique<Heun>(); }

}  // namespace scoresde
