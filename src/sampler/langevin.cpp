#include <algorithm>
#include <cmath>

#include "core/sum.h"
#include "sampler/solver.h"

namespace scoresde {
namespace {

/// alpha of the corrector's step size: the square of the forward transition's scale over the interval that the
/// predictor has just made. That is 1 - beta_i for VP on the reference's grid and 1 for VE (Song et al. 2021,
/// algorithms 4 and 5, as their code has it), and defined for every linear SDE, sub-VP included.
double corrector_alpha(const Sde& sde, const Interval& i) {
  const double scale = sde.transition(i.s, i.t).scale;
  return scale * scale;
}

/// Langevin steps x += eps score + sqrt(2 eps) z at the level i.s. With r the signal-to-noise ratio and norms of each
/// sample alone, eps = 2 alpha (r sqrt(D) / |score|)^2: |z| is replaced by its expectation sqrt(D), as appendix G
/// advises for small batches, since a step size that depends on its own noise has another limit. Where D is a
/// handful |score| comes near 0 and eps would have no mean, so it is cut at 2 alpha r^2 (alpha_s^2 + sigma_s^2), its
/// value for data N(0, I); with images that never acts.
class Langevin : public Solver {
 public:
  explicit Langevin(const SolverOptions& options) : options_(options) {}

  Batch step(const ReverseProcess& p, const Batch& x, const Interval& i) override {
    const Marginal level = p.sde.marginal(i.s);
    const double factor = 2 * corrector_alpha(p.sde, i) * options_.snr * options_.snr;
    const double most = factor * (level.alpha * level.alpha + level.sigma * level.sigma);
    Batch y = x;
    for (int k = 0; k < options_.corrector_steps; ++k) {
      const Batch score = p.score(y, times_of(x.rows(), i.s));
      const Batch z = p.noise.normal(Purpose::corrector, i, static_cast<std::uint32_t>(k));
      const Times size = (factor * static_cast<double>(x.cols()) / row_dot(score, score)).min(most);
      y += score.colwise() * size + z.colwise() * (2 * size).sqrt();
    }
    return y;
  }

 private:
  SolverOptions options_;
};

/// Langevin steps of one size for all samples.
class PlainLangevin : public Solver {
 public:
  explicit PlainLangevin(const SolverOptions& options) : options_(options) {}

  Batch step(const ReverseProcess& p, const Batch& x, const Interval& i) override {
    const double size = step_size(p.sde, i);
    Batch y = x;
    for (int k = 0; k < options_.corrector_steps; ++k)
      y += size * p.score(y, times_of(x.rows(), i.s)) +
           std::sqrt(2 * size) * p.noise.normal(Purpose::corrector, i, static_cast<std::uint32_t>(k));
    return y;
  }

 protected:
  SolverOptions options_;

 private:
  virtual double step_size(const Sde& sde, const Interval& i) const = 0;
};

/// Annealed Langevin dynamics (Song and Ermon 2019; Song et al. 2021, app. G): eps = 2 alpha (r sigma_s)^2.
class AnnealedLangevin : public PlainLangevin {
  using PlainLangevin::PlainLangevin;

  double step_size(const Sde& sde, const Interval& i) const override {
    const double root = options_.snr * sde.marginal(i.s).sigma;
    return 2 * corrector_alpha(sde, i) * root * root;
  }
};

/// The unadjusted Langevin algorithm, eps = langevin_step sigma_s^2. The curvature of -log p_s is nowhere above
/// 1 / sigma_s^2, so steps up to 2 are stable for every law; the limit is biased by O(eps).
class Ula : public PlainLangevin {
  using PlainLangevin::PlainLangevin;

  double step_size(const Sde& sde, const Interval& i) const override {
    return options_.langevin_step * std::pow(sde.marginal(i.s).sigma, 2);
  }
};

}  // namespace

std::unique_ptr<Solver> make_langevin(const SolverOptions& options) { return std::make_unique<Langevin>(options); }

std::unique_ptr<Solver> make_annealed_langevin(const SolverOptions& options) {
  return std::make_unique<AnnealedLangevin>(options);
}

std::unique_ptr<Solver> make_ula(const SolverOptions& options) { return std::make_unique<Ula>(options); }

}  // namespace scoresde
