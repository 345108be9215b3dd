#include <algorithm>
#include <cmath>

#include "sampler/solver.h"

namespace scoresde {
namespace {

/// DDIM (Song, Meng, Ermon 2021, eqs. 12 and 16) for any (alpha, sigma): with x_0 and the noise z_t that Tweedie's
/// formula finds in x_t, x_s = alpha_s x_0 + sqrt(sigma_s^2 - tau^2) z_t + tau z, tau = eta std sigma_s / sigma_t with
/// std that of the forward transition s -> t. eta = 0: the exponential integrator of first order of the probability
/// flow; eta = 1: ancestral sampling. tau beyond sigma_s (eta > 1) is cut to sigma_s.
class Ddim : public Solver {
 public:
  explicit Ddim(double eta) : eta_(eta) {}

  Batch step(const ReverseProcess& p, const Batch& x, const Interval& i) override {
    const Marginal from = p.sde.marginal(i.t), to = p.sde.marginal(i.s);
    const double ratio = to.alpha / from.alpha;
    const double tau = eta_ == 0 ? 0 : std::min(eta_ * p.sde.transition(i.s, i.t).std / from.sigma, 1.0) * to.sigma;
    const double kept = std::sqrt((to.sigma - tau) * (to.sigma + tau));
    const Batch mean = ratio * x + (from.sigma * (ratio * from.sigma - kept)) * p.score(x, times_of(x.rows(), i.t));
    if (tau == 0) return mean;
    return mean + tau * p.noise.normal(Purpose::diffusion, i);
  }

 private:
  double eta_;
};

}  // namespace

std::unique_ptr<Solver> make_ddim(const SolverOptions& options) {
  return std::make_unique<Ddim>(options.eta < 0 ? 0 : options.eta);
}

}  // namespace scoresde
