#include <cmath>

#include "sampler/solver.h"

namespace scoresde {
namespace {

/// DPM-Solver++(2M) (Lu et al. 2022, arXiv 2211.01095, algorithm 2): the second order multistep method on the
/// denoised estimate D = E[x_0 | x_t], in lambda = log(alpha / sigma):
/// x_s = (sigma_s / sigma_t) x_t - alpha_s (exp(-h) - 1) [D_t + h/(2 h_before) (D_t - D_before)], h = lambda_s -
/// lambda_t. The first step has no past and is of first order (DDIM).
class DpmPp2m : public Solver {
 public:
  void begin(std::span<const double>) override { before_.resize(0, 0); }

  Batch step(const ReverseProcess& p, const Batch& x, const Interval& i) override {
    const Marginal from = p.sde.marginal(i.t), to = p.sde.marginal(i.s);
    const double h = p.sde.log_snr(i.s) - p.sde.log_snr(i.t);
    const Batch denoised = scoresde::denoise(p.sde, p.score, x, times_of(x.rows(), i.t));
    Batch data = denoised;
    if (before_.size() > 0) data += (0.5 * h / h_before_) * (denoised - before_);
    before_ = denoised;
    h_before_ = h;
    return (to.sigma / from.sigma) * x - (to.alpha * std::expm1(-h)) * data;
  }

 private:
  Batch before_;
  double h_before_ = 0;
};

}  // namespace

std::unique_ptr<Solver> make_dpm_pp_2m(const SolverOptions&) { return std::make_unique<DpmPp2m>(); }

}  // namespace scoresde
