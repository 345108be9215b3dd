#include <algorithm>

#include "inverse/method_parts.h"

namespace scoresde {
namespace {

/// Noise of another run through the same steps: draws from 1000 `repetition` on.
class RepeatedNoise : public NoiseSource {
 public:
  RepeatedNoise(const NoiseSource& base, int repetition)
      : base_(base), offset_(static_cast<std::uint32_t>(1000 * (repetition % 64))) {}
  Batch normal(Purpose purpose, const Interval& interval, std::uint32_t draw) const override {
    return base_.normal(purpose, interval, draw + offset_);
  }

 private:
  const NoiseSource& base_;
  std::uint32_t offset_;
};

/// After every step of a solver the known part is set to what it would be at the level that was reached (Song et al.
/// 2021, app. I; with weight < 1 Song et al. 2022, eq. 8), from the start on, and once more, without noise, after the
/// final denoising.
class Projection : public MeasuredSolver {
 public:
  Projection(const Measurement& m, const MethodOptions& options)
      : MeasuredSolver(m, options), known_(m), inner_(make_solver(options.solver, options.settings)) {}

  void begin(std::span<const double> times) override { inner_->begin(times); }

  Batch start(const ReverseProcess& p, const Batch& prior) override {
    const double t = p.sde.t_max();
    return known_.impose(prior, p.sde.marginal(t), p.noise.normal(Purpose::known_part, {t, t, 0}, 999),
                         options_.weight);
  }

  Batch step(const ReverseProcess& p, const Batch& x, const Interval& i) override {
    return known_.impose(inner_->step(p, x, i), p.sde.marginal(i.s), p.noise.normal(Purpose::known_part, i),
                         options_.weight);
  }

  Batch denoise(const ReverseProcess& p, const Batch& x, double t) override {
    const Batch x0 = inner_->denoise(p, x, t);
    return known_.impose(x0, {1, 0}, Batch::Zero(x.rows(), x.cols()), options_.weight);
  }

 private:
  KnownValues known_;
  std::unique_ptr<Solver> inner_;
};

/// The reference's order (controllable_generation.py): corrector and predictor each followed by the known part at the
/// level before the step, its first values without noise, and a last mean that takes the generated part noisy.
class ReferenceProjection : public MeasuredSolver {
 public:
  ReferenceProjection(const Measurement& m, const MethodOptions& options) : MeasuredSolver(m, options), known_(m) {
    const std::string& name = options.solver;
    const std::size_t plus = name.find('+');
    SolverOptions settings = options.settings;
    settings.compatibility = "score_sde";
    const SolverChoice both(name, settings);  // says what is wrong with the whole
    SolverOptions of_one = settings;
    of_one.snr = SolverOptions{}.snr, of_one.corrector_steps = 1;
    predictor_ = make_solver(name.substr(0, plus), both.corrector() ? of_one : settings);
    if (both.corrector()) corrector_ = make_solver("none+" + name.substr(plus + 1), settings);
  }

  void begin(std::span<const double> times) override {
    predictor_->begin(times);
    if (corrector_) corrector_->begin(times);
  }

  bool takes_equal_times() const override { return true; }

  Batch start(const ReverseProcess&, const Batch& prior) override {
    Batch unseen = prior;
    for (Index j = 0; j < prior.cols(); ++j)
      if (known_.seen(j)) unseen.col(j).setZero();  // of the values, not of the coefficients, as they have it
    return known_.impose(unseen, {1, 0}, Batch::Zero(prior.rows(), prior.cols()), 1);
  }

  Batch step(const ReverseProcess& p, const Batch& x, const Interval& i) override {
    Batch y = imposed(p, corrector_ ? corrector_->step(p, x, i) : x, i);
    return imposed(p, predictor_->step(p, y, i), i);
  }

  Batch denoise(const ReverseProcess&, const Batch&, double) override { return mean_; }

 private:
  Batch imposed(const ReverseProcess& p, const Batch& x, const Interval& i) {
    const Marginal level = p.sde.marginal(i.t);
    const Batch y = known_.impose(x, level, p.noise.normal(Purpose::known_part, i), 1);
    mean_ = known_.impose(y, {level.alpha, 0}, Batch::Zero(x.rows(), x.cols()), 1);
    return y;
  }

  KnownValues known_;
  std::unique_ptr<Solver> predictor_, corrector_;
  Batch mean_;
};

/// Projection with stretches of steps gone through again and again, diffused back in between, so that the generated
/// part has time to agree with the known one (Lugmayr et al. 2022, algorithm 1).
class RePaint : public Projection {
 public:
  using Projection::Projection;

  void begin(std::span<const double> times) override {
    times_.assign(times.begin(), times.end());
    Projection::begin(times);
  }

  Batch step(const ReverseProcess& p, const Batch& x, const Interval& i) override {
    Batch y = Projection::step(p, x, i);
    const std::size_t last = i.index, end = times_.size() - 1;
    const auto jump = static_cast<std::size_t>(options_.jump);
    if ((last + 1) % jump != 0 && last + 1 != end) return y;
    const std::size_t first = last - last % jump;
    for (int round = 1; round < options_.resamples; ++round) {
      const RepeatedNoise noise(p.noise, round);
      const Transition back = p.sde.transition(times_[last + 1], times_[first]);
      y = back.scale * y + back.std * noise.normal(Purpose::resample, i, 0);
      for (std::size_t k = first; k <= last; ++k)
        y = Projection::step({p.sde, p.score, noise}, y, {times_[k], times_[k + 1], static_cast<std::uint32_t>(k)});
    }
    return y;
  }

 private:
  std::vector<double> times_;
};

}  // namespace

std::unique_ptr<RestorationSolver> make_projection(const Measurement& m, const MethodOptions& options) {
  if (options.order == "score_sde") return std::make_unique<ReferenceProjection>(m, options);
  if (options.order != "corrected") fail(Failure::usage, "order = {} must be corrected or score_sde", options.order);
  return std::make_unique<Projection>(m, options);
}

std::unique_ptr<RestorationSolver> make_repaint(const Measurement& m, const MethodOptions& options) {
  return std::make_unique<RePaint>(m, options);
}

}  // namespace scoresde
