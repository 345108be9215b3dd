#include "inverse/method_parts.h"

#include <cmath>

#include "core/sum.h"

namespace scoresde {

Batch ancestral_step(const Sde& sde, const Batch& x, const Batch& x0, const Interval& i, double eta, const Batch& z) {
  const Marginal from = sde.marginal(i.t), to = sde.marginal(i.s);
  const Transition forward = sde.transition(i.s, i.t);
  const double fresh = eta * to.sigma * std::min(1.0, forward.std / from.sigma);
  const double kept = std::sqrt(std::max(0.0, to.sigma * to.sigma - fresh * fresh)) / from.sigma;
  return kept * x + (to.alpha - kept * from.alpha) * x0 + fresh * z;
}

KnownValues::KnownValues(const Measurement& m)
    : spectrum_(m.op->spectrum()),
      coefficients_(Batch::Zero(m.y.rows(), m.op->inputs())),
      deviations_(Eigen::ArrayXd::Zero(m.op->inputs())) {
  if (!spectrum_) fail(Failure::usage, "the singular values of this measurement are not known");
  const Eigen::ArrayXd& s = spectrum_->singular_values();
  for (Index j = 0; j < s.size(); ++j)
    if (s[j] > 0) deviations_[j] = m.sigma / s[j];
  for (Index i = 0; i < m.y.rows(); ++i) {
    const Vector c = spectrum_->analyse(m.op->adjoint(m.y.row(i).transpose().matrix()));
    for (Index j = 0; j < s.size(); ++j)
      if (s[j] > 0) coefficients_(i, j) = c[j] / (s[j] * s[j]);
  }
}

Batch KnownValues::impose(const Batch& x, const Marginal& level, const Batch& z, double weight) const {
  Batch result(x.rows(), x.cols());
  for (Index i = 0; i < x.rows(); ++i) {
    Vector c = spectrum_->analyse(x.row(i).transpose().matrix());
    for (Index j = 0; j < c.size(); ++j) {
      if (!seen(j)) continue;
      const double own = level.alpha * deviations_[j];
      const double share = own > level.sigma ? std::pow(level.sigma / own, 2) : 1;
      const double rest = std::sqrt(std::max(0.0, level.sigma * level.sigma - own * own));
      c[j] += weight * share * (level.alpha * coefficients_(i, j) + rest * z(i, j) - c[j]);
    }
    result.row(i) = spectrum_->synthesise(c).transpose().array();
  }
  return result;
}

FitGradient fit_gradient(const ReverseProcess& p, const Measurement& m, const Batch& x, double t) {
  const Marginal level = p.sde.marginal(t);
  const Times times = times_of(x.rows(), t);
  FitGradient fit{
      .x0 = denoise(p.sde, p.score, x, times), .gradient = Batch(x.rows(), x.cols()), .distance = Times(x.rows())};
  Batch along(x.rows(), x.cols());
  for (Index i = 0; i < x.rows(); ++i) {
    const Vector x0 = fit.x0.row(i).transpose().matrix();
    const Vector residual = m.op->apply(x0) - m.y.row(i).transpose().matrix();
    fit.distance[i] =
        std::sqrt(ordered_dot(residual.data(), residual.data(), static_cast<std::size_t>(residual.size())));
    along.row(i) = m.op->vjp(x0, residual).transpose().array();
  }
  // d x_0 / d x = (I + sigma^2 J) / alpha.
  fit.gradient = (along + level.sigma * level.sigma * p.score.vjp(x, times, along)) / level.alpha;
  return fit;
}

}  // namespace scoresde
