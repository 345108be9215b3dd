#include "sampler/edm_heun.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace scoresde {
namespace {

Batch velocity_in_rho(const ReverseProcess& p, const Batch& y, double t, double rho) {
  const double alpha = p.sde.marginal(t).alpha;
  return (-alpha * rho) * p.score(alpha * y, times_of(y.rows(), t));  // (y - D) / rho by Tweedie's formula
}

/// The stochastic sampler of Karras et al. (2022), algorithm 2, for any (alpha, sigma): with y = x / alpha and
/// rho = sigma / alpha the probability flow is dy/drho = (y - D) / rho, D the denoised estimate. A step first adds
/// noise ("churn") up to rho_hat = rho (1 + gamma), gamma = min(S_churn / N, sqrt 2 - 1), then goes down by Heun's
/// method. Their N steps end with an Euler step to sigma = 0, which is the same as Tweedie's denoising: N here is
/// the number of steps + 1, and their 2N - 1 evaluations are the 2 a step + 1 of the final denoising.
/// Churn never goes past t_max, where the score was not learned.
class EdmHeun : public Solver {
 public:
  explicit EdmHeun(const SolverOptions& options) : options_(options) {}

  void begin(std::span<const double> times) override { count_ = static_cast<double>(times.size()); }

  Batch step(const ReverseProcess& p, const Batch& x, const Interval& i) override {
    const double rho = noise_to_signal(p.sde, i.t);
    double t = i.t, rho_hat = rho;
    Batch y = x / p.sde.marginal(i.t).alpha;
    if (const double gamma = churn(rho); gamma > 0) {
      t = p.sde.time_at(-std::log(rho * (1 + gamma)));
      rho_hat = std::max(noise_to_signal(p.sde, t), rho);
      const double added = std::sqrt((rho_hat - rho) * (rho_hat + rho));
      y += options_.churn_noise * added * p.noise.normal(Purpose::churn, i);
    }
    return heun_in_rho(p, y, {t, rho_hat}, i.s);
  }

 private:
  double churn(double rho) const {
    const bool within = rho >= options_.churn_min && rho <= options_.churn_max;
    return within ? std::min(options_.churn / count_, std::numbers::sqrt2 - 1) : 0;
  }

  SolverOptions options_;
  double count_ = 1;
};

}  // namespace

double noise_to_signal(const Sde& sde, double t) { return std::exp(-sde.log_snr(t)); }

Batch heun_in_rho(const ReverseProcess& p, const Batch& y, const NoiseLevel& from, double s) {
  const double rho = noise_to_signal(p.sde, s), step = rho - from.rho;
  const Batch slope = velocity_in_rho(p, y, from.t, from.rho);
  const Batch ahead = y + step * slope;
  return p.sde.marginal(s).alpha * (y + (0.5 * step) * (slope + velocity_in_rho(p, ahead, s, rho)));
}

std::unique_ptr<Solver> make_edm_heun(const SolverOptions& options) { return std::make_unique<EdmHeun>(options); }

}  // namespace scoresde
