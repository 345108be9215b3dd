#include <cmath>

#include "inverse/method_parts.h"

namespace scoresde {
namespace {

/// Denoising diffusion restoration models (Kawar et al. 2022, eqs. 7 and 8), in the coordinates of the singular vectors
/// and for x / alpha, which has noise rho = sigma / alpha.
class Ddrm : public MeasuredSolver {
 public:
  Ddrm(const Measurement& m, const MethodOptions& options) : MeasuredSolver(m, options), known_(m) {}

  Batch start(const ReverseProcess& p, const Batch& prior) override {
    const Marginal level = p.sde.marginal(p.sde.t_max());
    Batch result(prior.rows(), prior.cols());
    for (Index i = 0; i < prior.rows(); ++i) {
      Vector c = prior.row(i).transpose().matrix();  // N(0, prior_std^2 I) in every basis
      for (Index j = 0; j < c.size(); ++j)
        if (known_.seen(j)) {
          const double own = level.alpha * known_.deviations()[j];
          c[j] = level.alpha * known_.coefficients()(i, j) +
                 std::sqrt(std::max(0.0, 1 - std::pow(own / level.sigma, 2))) * c[j];
        }
      result.row(i) = known_.spectrum().synthesise(c).transpose().array();
    }
    return result;
  }

  Batch step(const ReverseProcess& p, const Batch& x, const Interval& i) override {
    const Marginal from = p.sde.marginal(i.t), to = p.sde.marginal(i.s);
    const Batch x0 = scoresde::denoise(p.sde, p.score, x, times_of(x.rows(), i.t));
    return to.alpha * moved(x / from.alpha, x0, from.sigma / from.alpha, to.sigma / to.alpha,
                            p.noise.normal(Purpose::diffusion, i));
  }

  Batch denoise(const ReverseProcess& p, const Batch& x, double t) override {
    const Marginal from = p.sde.marginal(t);
    const Batch x0 = scoresde::denoise(p.sde, p.score, x, times_of(x.rows(), t));
    return moved(x / from.alpha, x0, from.sigma / from.alpha, 0, Batch::Zero(x.rows(), x.cols()));
  }

 private:
  /// From noise `from` to noise `to`.
  Batch moved(const Batch& x, const Batch& x0, double from, double to, const Batch& z) const {
    const double eta = options_.eta, kept = std::sqrt(1 - eta * eta), seen_share = options_.eta_seen;
    return each_row(x, [&](const Vector& row, const Vector&, Index i) {
      const Vector c = known_.spectrum().analyse(row),
                   model = known_.spectrum().analyse(x0.row(i).transpose().matrix());
      Vector next(c.size());
      for (Index j = 0; j < c.size(); ++j) {
        const double known = known_.coefficients()(i, j), own = known_.deviations()[j];
        if (!known_.seen(j))
          next[j] = model[j] + kept * to * (c[j] - model[j]) / from + eta * to * z(i, j);
        else if (to < own)
          next[j] = model[j] + kept * to * (known - model[j]) / own + eta * to * z(i, j);
        else
          next[j] = (1 - seen_share) * model[j] + seen_share * known +
                    std::sqrt(std::max(0.0, to * to - std::pow(own * seen_share, 2))) * z(i, j);
      }
      return known_.spectrum().synthesise(next);
    });
  }

  KnownValues known_;
};

}  // namespace

std::unique_ptr<RestorationSolver> make_ddrm(const Measurement& m, const MethodOptions& options) {
  return std::make_unique<Ddrm>(m, options);
}

}  // namespace scoresde
