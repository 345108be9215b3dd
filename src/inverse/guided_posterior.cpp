#include <cmath>

#include "core/sum.h"
#include "inverse/method_parts.h"

namespace scoresde {
namespace {

/// Posterior mean of x_0 at one level and what the likelihood's score needs of it.
struct DataEstimate {
  Marginal level;
  Batch score, x0;
};

DataEstimate estimate_of(const ReverseProcess& p, const Batch& x, double t) {
  const Marginal level = p.sde.marginal(t);
  Batch score = p.score(x, times_of(x.rows(), t));
  Batch x0 = (x + level.sigma * level.sigma * score) / level.alpha;
  return {level, std::move(score), std::move(x0)};
}

/// d x_0 / d x transposed, times v: (v + sigma^2 J^T v) / alpha. One evaluation.
Batch data_vjp(const ReverseProcess& p, const DataEstimate& e, const Batch& x, double t, const Batch& v) {
  return (v + e.level.sigma * e.level.sigma * p.score.vjp(x, times_of(x.rows(), t), v)) / e.level.alpha;
}

/// The score of x_t given y, with p(x_0 | x_t) taken for a Gaussian: score + (dx_0/dx)^T A^T (sigma_y^2 + A V A^T)^-1
/// (y - A x_0). Methods differ by V.
class GuidedByMeasurement : public Score {
 public:
  GuidedByMeasurement(const ReverseProcess& p, const Measurement& m, const MethodOptions& options)
      : p_(p), m_(m), options_(options) {}

  Batch operator()(const Batch& x, const Times& t) const override {
    if (x.rows() != m_.rows())
      fail(Failure::run, "a guided score of {} measurements was given {} rows", m_.rows(), x.rows());
    const DataEstimate e = estimate_of(p_, x, t[0]);
    const Batch pull = pull_of(e, x, t[0]);
    return e.score + options_.weight * data_vjp(p_, e, x, t[0], pull);
  }

  Index dimension() const override { return p_.score.dimension(); }

 protected:
  /// A^T (sigma_y^2 + A V A^T)^-1 (y - A x_0).
  virtual Batch pull_of(const DataEstimate& e, const Batch& x, double t) const = 0;

  Vector residual(const DataEstimate& e, Index i) const {
    return m_.y.row(i).transpose().matrix() - m_.op->apply(e.x0.row(i).transpose().matrix());
  }

  const ReverseProcess& p_;
  const Measurement& m_;
  const MethodOptions& options_;
};

/// V = r^2 I, r^2 = sigma^2 v / (sigma^2 + alpha^2 v): the variance of x_0 where data is N(0, v) (Song et al. 2023, eq.
/// 7 and app. A.3; theirs has v = 1 and alpha = 1).
class PseudoInverseGuidance : public GuidedByMeasurement {
  using GuidedByMeasurement::GuidedByMeasurement;

  Batch pull_of(const DataEstimate& e, const Batch& x, double) const override {
    const double v = options_.data_std * options_.data_std, noise = e.level.sigma * e.level.sigma;
    const double r2 = noise * v / (noise + e.level.alpha * e.level.alpha * v);
    const double shift = m_.sigma * m_.sigma / r2;
    Batch pull(x.rows(), x.cols());
    for (Index i = 0; i < x.rows(); ++i)
      pull.row(i) =
          solve_shifted(*m_.op, m_.op->adjoint(residual(e, i)), shift, Vector::Zero(x.cols())).transpose().array() / r2;
    return pull;
  }
};

/// V = sigma^2 / alpha dx_0/dx, the covariance of x_0 given x_t itself (Tweedie's second formula), the system solved by
/// conjugate gradients, one J^T v an iteration (Rozet et al. 2024). Exact for Gaussian data.
class MomentMatching : public GuidedByMeasurement {
  using GuidedByMeasurement::GuidedByMeasurement;

  Batch pull_of(const DataEstimate& e, const Batch& x, double t) const override {
    const Index rows = x.rows();
    Batch r(rows, m_.y.cols());
    for (Index i = 0; i < rows; ++i) r.row(i) = residual(e, i).transpose().array();
    Batch u = Batch::Zero(rows, r.cols()), d = r;
    Times size = row_dot(r, r);
    for (int k = 0; k < options_.iterations; ++k) {
      const Batch q = covariance_times(e, x, t, d);
      const Times curvature = row_dot(d, q);
      // A row that has converged, or met rounding, stands still.
      const Times length = (curvature > 1e-300 && size > 1e-300).select(size / curvature, 0.0);
      u += d.colwise() * length;
      r -= q.colwise() * length;
      const Times next = row_dot(r, r);
      d = r + d.colwise() * (size > 1e-300).select(next / size, 0.0);
      size = next;
    }
    return adjoint_rows(u);
  }

  Batch adjoint_rows(const Batch& u) const {
    Batch result(u.rows(), m_.op->inputs());
    for (Index i = 0; i < u.rows(); ++i)
      result.row(i) = m_.op->adjoint(u.row(i).transpose().matrix()).transpose().array();
    return result;
  }

  Batch covariance_times(const DataEstimate& e, const Batch& x, double t, const Batch& u) const {
    const double scale = e.level.sigma * e.level.sigma / e.level.alpha;
    return m_.sigma * m_.sigma * u + (*m_.op)(scale * data_vjp(p_, e, x, t, adjoint_rows(u)));
  }
};

/// Any solver on the score given the measurement.
template <class Guided>
class GuidedSolver : public MeasuredSolver {
 public:
  GuidedSolver(const Measurement& m, const MethodOptions& options)
      : MeasuredSolver(m, options), inner_(make_solver(options.solver, options.settings)) {}

  void begin(std::span<const double> times) override { inner_->begin(times); }

  Batch step(const ReverseProcess& p, const Batch& x, const Interval& i) override {
    const Guided guided(p, m_, options_);
    return inner_->step({p.sde, guided, p.noise}, x, i);
  }

  Batch denoise(const ReverseProcess& p, const Batch& x, double t) override {
    const Guided guided(p, m_, options_);
    return inner_->denoise({p.sde, guided, p.noise}, x, t);
  }

 private:
  std::unique_ptr<Solver> inner_;
};

}  // namespace

std::unique_ptr<RestorationSolver> make_pigdm(const Measurement& m, const MethodOptions& options) {
  return std::make_unique<GuidedSolver<PseudoInverseGuidance>>(m, options);
}

std::unique_ptr<RestorationSolver> make_moment_matching(const Measurement& m, const MethodOptions& options) {
  return std::make_unique<GuidedSolver<MomentMatching>>(m, options);
}

}  // namespace scoresde
