#include "sampler/reference.h"

#include <cmath>

#include "core/sum.h"
#include "sampler/rk45.h"
#include "sde/discrete.h"

namespace scoresde {
namespace {

constexpr int kReferenceScales = 1000;

IndexRule reference_index(const SolverOptions& options) {
  return options.compatibility == "score_sde-nearest" ? IndexRule::nearest : IndexRule::truncated;
}

/// N of the reference's SDE: told by the options, or the number of steps.
class ReferenceSolver : public Solver {
 public:
  explicit ReferenceSolver(const SolverOptions& options) : options_(options), count_(options.scales) {}

  void begin(std::span<const double> times) override {
    count_ = options_.scales > 0 ? options_.scales : static_cast<int>(times.size()) - 1;
    mean_.resize(0, 0);
  }

  bool takes_equal_times() const override { return true; }

  Batch denoise(const ReverseProcess&, const Batch& x, double) override { return mean_.size() > 0 ? mean_ : x; }

 protected:
  bool flow() const { return options_.eta == 0; }
  IndexRule rule() const { return reference_index(options_); }

  SolverOptions options_;
  int count_;
  Batch mean_;  // of the last predictor step
};

/// The noise is drawn even where its weight is 0, as in the reference: the order of draws is part of its behaviour.
class ReferencePredictor : public ReferenceSolver {
 public:
  using ReferenceSolver::ReferenceSolver;

  Batch step(const ReverseProcess& p, const Batch& x, const Interval& i) override {
    const Batch score = p.score(x, times_of(x.rows(), i.t));
    double weight = 0;
    mean_ = mean(p.sde, x, score, i.t, weight);
    return mean_ + weight * p.noise.normal(Purpose::diffusion, i);
  }

 private:
  /// The mean of the step, and the weight of its noise.
  virtual Batch mean(const Sde& sde, const Batch& x, const Batch& score, double t, double& weight) const = 0;
};

class ReferenceEulerMaruyama : public ReferencePredictor {
  using ReferencePredictor::ReferencePredictor;

  Batch mean(const Sde& sde, const Batch& x, const Batch& score, double t, double& weight) const override {
    const double dt = sde.t_max() / count_, g = sde.diffusion(t);
    weight = flow() ? 0 : g * std::sqrt(dt);
    return x - dt * (sde.drift(t) * x - (flow() ? 0.5 : 1) * g * g * score);
  }
};

class ReferenceReverseDiffusion : public ReferencePredictor {
  using ReferencePredictor::ReferencePredictor;

  Batch mean(const Sde& sde, const Batch& x, const Batch& score, double t, double& weight) const override {
    const ReverseStep step = reference_reverse_step(sde, t, count_, flow(), rule());
    weight = step.diffusion;
    return x + step.drift * x + step.score * score;
  }
};

class ReferenceAncestral : public ReferencePredictor {
  using ReferencePredictor::ReferencePredictor;

  Batch mean(const Sde& sde, const Batch& x, const Batch& score, double t, double& weight) const override {
    if (sde.name() != "vp" && sde.name() != "ve")
      fail(Failure::usage, "compatibility = score_sde: the reference has ancestral sampling for vp and ve, not for {}",
           sde.name());
    const DiscreteStep forward = reference_step(sde, t, count_, rule());
    weight = forward.diffusion;
    if (sde.name() == "ve") {
      const auto index = static_cast<std::size_t>(table_index(t, sde.t_max(), count_, rule()));
      const std::vector<double> sigmas = smld_sigmas(sde, count_);
      weight *= (index > 0 ? sigmas[index - 1] : 0) / sigmas[index];
    }
    return (x + forward.diffusion * forward.diffusion * score) / (1 + forward.drift);
  }
};

class ReferenceNone : public ReferenceSolver {
  using ReferenceSolver::ReferenceSolver;
  Batch step(const ReverseProcess&, const Batch& x, const Interval&) override { return mean_ = x; }
};

class ReferenceCorrector : public ReferenceSolver {
 public:
  ReferenceCorrector(const SolverOptions& options, bool annealed) : ReferenceSolver(options), annealed_(annealed) {}

  Batch step(const ReverseProcess& p, const Batch& x, const Interval& i) override {
    Batch y = x;
    for (int k = 0; k < options_.corrector_steps; ++k) {
      const Batch score = p.score(y, times_of(x.rows(), i.t));
      const Batch z = p.noise.normal(Purpose::corrector, i, static_cast<std::uint32_t>(k));
      const double root = options_.snr * (annealed_ ? p.sde.marginal(i.t).sigma
                                                    : ordered_mean(row_norm(z)) / ordered_mean(row_norm(score)));
      const double size = 2 * alpha(p.sde, i.t) * root * root;
      y += size * score + std::sqrt(2 * size) * z;
    }
    return y;
  }

 private:
  /// 1 - beta_i, not the cumulative product that the paper's notation suggests. The reference raises an error for
  /// sub-VP; this gives it the table of VP.
  double alpha(const Sde& sde, double t) const {
    if (sde.name() == "ve") return 1;
    if (sde.name() == "vp" || sde.name() == "sub-vp")
      return ddpm_table(sde, count_).alpha[static_cast<std::size_t>(table_index(t, sde.t_max(), count_, rule()))];
    const double scale = 1 + reference_step(sde, t, count_, rule()).drift;
    return scale * scale;
  }

  bool annealed_;
};

class ReferenceRk45 : public Rk45 {
 public:
  explicit ReferenceRk45(const SolverOptions& options) : Rk45(options, true), options_(options) {}

  Batch denoise(const ReverseProcess& p, const Batch& x, double t) override {
    const int count = options_.scales > 0 ? options_.scales : kReferenceScales;
    const ReverseStep step = reference_reverse_step(p.sde, t, count, false, reference_index(options_));
    return x + step.drift * x + step.score * p.score(x, times_of(x.rows(), t));
  }

 private:
  SolverOptions options_;
};

}  // namespace

std::unique_ptr<Solver> make_reference_euler_maruyama(const SolverOptions& options) {
  return std::make_unique<ReferenceEulerMaruyama>(options);
}

std::unique_ptr<Solver> make_reference_reverse_diffusion(const SolverOptions& options) {
  return std::make_unique<ReferenceReverseDiffusion>(options);
}

std::unique_ptr<Solver> make_reference_ancestral(const SolverOptions& options) {
  return std::make_unique<ReferenceAncestral>(options);
}

std::unique_ptr<Solver> make_reference_none(const SolverOptions& options) {
  return std::make_unique<ReferenceNone>(options);
}

std::unique_ptr<Solver> make_reference_langevin(const SolverOptions& options) {
  return std::make_unique<ReferenceCorrector>(options, false);
}

std::unique_ptr<Solver> make_reference_annealed_langevin(const SolverOptions& options) {
  return std::make_unique<ReferenceCorrector>(options, true);
}

std::unique_ptr<Solver> make_reference_rk45(const SolverOptions& options) {
  return std::make_unique<ReferenceRk45>(options);
}

std::vector<double> reference_times(double t_start, double t_stop, int steps) {
  std::vector<double> times;
  for (int i = 0; i < steps; ++i)
    times.push_back(steps == 1 ? t_start : t_start + i * ((t_stop - t_start) / (steps - 1)));
  if (steps > 1) times.back() = t_stop;
  times.push_back(t_stop);
  return times;
}

}  // namespace scoresde
