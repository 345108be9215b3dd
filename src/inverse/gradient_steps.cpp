#include "inverse/method_parts.h"

namespace scoresde {
namespace {

/// Ancestral sampling with a step down the gradient of the fit of E[x_0 | x_t] (Chung et al. 2023a, algorithm 1 with
/// noise of known variance).
class DiffusionPosteriorSampling : public MeasuredSolver {
 public:
  DiffusionPosteriorSampling(const Measurement& m, const MethodOptions& options)
      : MeasuredSolver(m, options), norm_(m.op->linear() ? std::max(1e-12, operator_norm(*m.op)) : 1) {}

  Batch step(const ReverseProcess& p, const Batch& x, const Interval& i) override {
    const FitGradient fit = fit_gradient(p, m_, x, i.t);
    const Batch y = ancestral_step(p.sde, x, fit.x0, i, 1, p.noise.normal(Purpose::diffusion, i));
    return y - fit.gradient.colwise() * step_sizes(fit);
  }

 protected:
  /// The gradient is that of half the square; of the distance it is the same over the distance. Both are for an
  /// operator scaled to norm 1, as the authors' are.
  Times step_sizes(const FitGradient& fit) const {
    if (options_.norm == "squared") return Times::Constant(fit.distance.size(), 2 * options_.scale / (norm_ * norm_));
    return options_.scale / norm_ / fit.distance.max(1e-12);
  }

 private:
  double norm_;
};

/// The same, with the known part imposed after every step (Chung et al. 2022, algorithm 1).
class ManifoldConstrainedGradient : public DiffusionPosteriorSampling {
 public:
  ManifoldConstrainedGradient(const Measurement& m, const MethodOptions& options)
      : DiffusionPosteriorSampling(m, options), known_(m) {}

  Batch step(const ReverseProcess& p, const Batch& x, const Interval& i) override {
    return known_.impose(DiffusionPosteriorSampling::step(p, x, i), p.sde.marginal(i.s),
                         p.noise.normal(Purpose::known_part, i), 1);
  }

  Batch denoise(const ReverseProcess& p, const Batch& x, double t) override {
    return known_.impose(Solver::denoise(p, x, t), {1, 0}, Batch::Zero(x.rows(), x.cols()), 1);
  }

 private:
  KnownValues known_;
};

void check_norm(const MethodOptions& options) {
  if (options.norm != "distance" && options.norm != "squared")
    fail(Failure::usage, "norm = {} must be distance or squared", options.norm);
}

}  // namespace

std::unique_ptr<RestorationSolver> make_dps(const Measurement& m, const MethodOptions& options) {
  check_norm(options);
  return std::make_unique<DiffusionPosteriorSampling>(m, options);
}

std::unique_ptr<RestorationSolver> make_mcg(const Measurement& m, const MethodOptions& options) {
  check_norm(options);
  return std::make_unique<ManifoldConstrainedGradient>(m, options);
}

}  // namespace scoresde
