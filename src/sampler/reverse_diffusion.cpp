#include "sampler/solver.h"

namespace scoresde {
namespace {

/// The reverse of the discretised forward process x_t = x_s + F(x_s) + G z (Song et al. 2021, app. E):
/// x_s = x_t - F(x_t) + (1 + eta^2)/2 G^2 score + eta G z. Here F and G come from the exact transition of the interval,
/// F(x) = (scale - 1) x and G = std, so that the method exists for every linear SDE; for VE and VP on
/// the paper's grid it is the paper's. eta = 0 is their "probability flow" predictor (eqs. 43 and 44).
class ReverseDiffusion : public Solver {
 public:
  explicit ReverseDiffusion(double eta) : eta_(eta) {}

  Batch step(const ReverseProcess& p, const Batch& x, const Interval& i) override {
    const Transition forward = p.sde.transition(i.s, i.t);
    const double weight = 0.5 * (1 + eta_ * eta_) * forward.std * forward.std;
    const Batch mean = (2 - forward.scale) * x + weight * p.score(x, times_of(x.rows(), i.t));
    if (eta_ == 0) return mean;
    return mean + (eta_ * forward.std) * p.noise.normal(Purpose::diffusion, i);
  }

 private:
  double eta_;
};

}  // namespace

std::unique_ptr<Solver> make_reverse_diffusion(const SolverOptions& options) {
  return std::make_unique<ReverseDiffusion>(options.eta < 0 ? 1 : options.eta);
}

}  // namespace scoresde
