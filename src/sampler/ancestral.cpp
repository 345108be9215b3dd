#include "sampler/solver.h"

namespace scoresde {
namespace {

/// Ancestral sampling (Ho et al. 2020, eq. 6-7; Song et al. 2021, app. F) with the exact transition
/// p(x_t | x_s) = N(scale x_s, std^2) of the interval in place of a table, so that it exists for every linear SDE:
/// x_s = (x_t + std^2 score) / scale + tau z. The mean is that of p(x_s | x_t, x_0) at Tweedie's x_0. tau is its
/// standard deviation, std sigma_s / sigma_t ("posterior"; the reference's choice for VE), or that of the forward
/// transition ("forward"; the reference's choice for VP). The first is exact for a single data point, the second for
/// VP and data N(0, I): Ho et al., section 3.2.
class Ancestral : public Solver {
 public:
  explicit Ancestral(bool posterior) : posterior_(posterior) {}

  Batch step(const ReverseProcess& p, const Batch& x, const Interval& i) override {
    const Transition forward = p.sde.transition(i.s, i.t);
    const double tau = posterior_ ? forward.std * p.sde.marginal(i.s).sigma / p.sde.marginal(i.t).sigma : forward.std;
    return (x + forward.std * forward.std * p.score(x, times_of(x.rows(), i.t))) / forward.scale +
           tau * p.noise.normal(Purpose::diffusion, i);
  }

 private:
  bool posterior_;
};

}  // namespace

std::unique_ptr<Solver> make_ancestral(const SolverOptions& options) {
  return std::make_unique<Ancestral>(options.variance == "posterior");
}

}  // namespace scoresde
