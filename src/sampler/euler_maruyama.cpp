#include <cmath>

#include "sampler/solver.h"

namespace scoresde {
namespace {

/// Euler-Maruyama on dx = [f x - (1 + eta^2)/2 g^2 score] dt + eta g dw, backwards in time.
class EulerMaruyama : public Solver {
 public:
  explicit EulerMaruyama(double eta) : eta_(eta) {}

  Batch step(const ReverseProcess& p, const Batch& x, const Interval& i) override {
    const double dt = i.s - i.t;
    const Batch mean = x + dt * reverse_drift(p.sde, p.score, x, times_of(x.rows(), i.t), eta_);
    if (eta_ == 0) return mean;
    return mean + (eta_ * p.sde.diffusion(i.t) * std::sqrt(-dt)) * p.noise.normal(Purpose::diffusion, i);
  }

 private:
  double eta_;
};

}  // namespace

std::unique_ptr<Solver> make_euler_maruyama(const SolverOptions& options) {
  return std::make_unique<EulerMaruyama>(options.eta < 0 ? 1 : options.eta);
}

}  // namespace scoresde
