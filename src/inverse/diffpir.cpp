#include <cmath>

#include "inverse/method_parts.h"

namespace scoresde {
namespace {

/// Denoise, fit, diffuse (Zhu et al. 2023, algorithm 1): x_0 = argmin |y - A z|^2 / sigma_y^2 + lambda alpha^2 /
/// sigma^2 |z - E[x_0 | x_t]|^2, then sqrt(1 - zeta) of the noise that this implies and sqrt(zeta) of fresh noise.
class DiffPir : public MeasuredSolver {
 public:
  using MeasuredSolver::MeasuredSolver;

  Batch step(const ReverseProcess& p, const Batch& x, const Interval& i) override {
    const Marginal from = p.sde.marginal(i.t), to = p.sde.marginal(i.s);
    const Batch x0 = fitted(p, x, i.t);
    const Batch implied = (x - from.alpha * x0) / from.sigma;
    return to.alpha * x0 + to.sigma * (std::sqrt(1 - options_.churn) * implied +
                                       std::sqrt(options_.churn) * p.noise.normal(Purpose::diffusion, i));
  }

  Batch denoise(const ReverseProcess& p, const Batch& x, double t) override { return fitted(p, x, t); }

 private:
  Batch fitted(const ReverseProcess& p, const Batch& x, double t) const {
    const Marginal level = p.sde.marginal(t);
    const double weight = options_.lambda * std::pow(m_.sigma * level.alpha / level.sigma, 2);
    return each_row(scoresde::denoise(p.sde, p.score, x, times_of(x.rows(), t)),
                    [&](const Vector& x0, const Vector& y, Index) { return proximal(op(), y, x0, weight); });
  }
};

}  // namespace

std::unique_ptr<RestorationSolver> make_diffpir(const Measurement& m, const MethodOptions& options) {
  return std::make_unique<DiffPir>(m, options);
}

}  // namespace scoresde
