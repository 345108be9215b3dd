#include <cmath>

#include "inverse/method_parts.h"

namespace scoresde {
namespace {

/// Annealed Langevin dynamics with the measurement's own score, A^T (y - A x / alpha) / (sigma_y^2 + gamma^2) / alpha
/// (Jalal et al. 2021, eq. 4), gamma = |A| sigma / alpha, singular value by singular value where they are known: exact
/// as sigma goes to 0, and no derivative of the score.
class LangevinWithData : public MeasuredSolver {
 public:
  LangevinWithData(const Measurement& m, const MethodOptions& options)
      : MeasuredSolver(m, options),
        spectrum_(m.op->linear() ? m.op->spectrum() : nullptr),
        norm_(m.op->linear() ? operator_norm(*m.op) : 1) {}

  Batch step(const ReverseProcess& p, const Batch& x, const Interval& i) override {
    const Marginal level = p.sde.marginal(i.s);
    const double size = options_.step * level.sigma * level.sigma, ratio = p.sde.marginal(i.t).alpha / level.alpha;
    Batch y = x / ratio;  // what is kept of the data grows as the noise falls
    for (int k = 0; k < options_.inner; ++k) {
      const Batch pull = each_row(y / level.alpha, [&](const Vector& x0, const Vector& seen, Index) {
        return pull_of(x0, seen, level.sigma / level.alpha);
      });
      y += size * (p.score(y, times_of(y.rows(), i.s)) + options_.weight * pull / level.alpha) +
           std::sqrt(2 * size) * p.noise.normal(Purpose::corrector, i, static_cast<std::uint32_t>(k));
    }
    return y;
  }

 private:
  Vector pull_of(const Vector& x0, const Vector& seen, double rho) const {
    const Vector back = op().vjp(x0, seen - op().apply(x0));
    const double own = m_.sigma * m_.sigma;
    if (!spectrum_) return back / (own + std::pow(norm_ * rho, 2));
    Vector c = spectrum_->analyse(back);
    const Eigen::ArrayXd& s = spectrum_->singular_values();
    for (Index j = 0; j < c.size(); ++j) c[j] = s[j] > 0 ? c[j] / (own + std::pow(s[j] * rho, 2)) : 0;
    return spectrum_->synthesise(c);
  }

  std::shared_ptr<const Spectrum> spectrum_;
  double norm_;
};

}  // namespace

std::unique_ptr<RestorationSolver> make_langevin_data(const Measurement& m, const MethodOptions& options) {
  return std::make_unique<LangevinWithData>(m, options);
}

}  // namespace scoresde
