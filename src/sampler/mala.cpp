#include <cmath>
#include <numbers>

#include "core/sum.h"
#include "sampler/solver.h"

namespace scoresde {
namespace {

/// A point of every row with what Metropolis needs of it. `log_density` is empty where the line is integrated.
struct ChainState {
  Batch x, score;
  Times log_density;
};

/// The Metropolis-adjusted Langevin algorithm (Roberts & Tweedie 1996) at the level i.s: Langevin's step of
/// eps = langevin_step sigma_s^2 is a proposal, taken with probability min(1, p(y) q(x | y) / p(x) q(y | x)), so p_s is
/// exactly what it leaves alone, at any step size. log p(y) - log p(x) is that of the score's density, or for a score
/// without one the line integral of the score from x to y by Simpson's rule (Sjoeberg et al. 2023): exact for
/// a density that is the exponential of a polynomial of degree 4, an error of O(|y - x|^5) else.
class Mala : public Solver {
 public:
  explicit Mala(const SolverOptions& options) : options_(options) {}

  Batch step(const ReverseProcess& p, const Batch& x, const Interval& i) override {
    const double size = options_.langevin_step * std::pow(p.sde.marginal(i.s).sigma, 2);
    const Times t = times_of(x.rows(), i.s);
    accepted_ = Times::Zero(x.rows());
    ChainState here = state(p, x, t);
    for (int k = 0; k < options_.corrector_steps; ++k) {
      const auto draw = static_cast<std::uint32_t>(k);
      const Batch z = p.noise.normal(Purpose::corrector, i, draw);
      const ChainState there = state(p, here.x + size * here.score + std::sqrt(2 * size) * z, t);
      // log q(y | x) = -|z|^2 / 2, and the noise that would lead back from y is (x - y - eps score(y)) / sqrt(2 eps).
      const Batch back = (here.x - there.x - size * there.score) / std::sqrt(2 * size);
      const Times ratio = log_ratio(p, here, there, t) + 0.5 * (row_dot(z, z) - row_dot(back, back));
      choose(ratio, p.noise.normal(Purpose::metropolis, i, draw), here, there);
    }
    accepted_ /= options_.corrector_steps;
    return here.x;
  }

  const Times* acceptance() const override { return &accepted_; }

 private:
  bool by_density() const { return options_.acceptance == "density"; }

  ChainState state(const ReverseProcess& p, Batch x, const Times& t) const {
    Batch score = p.score(x, t);
    Times log_density = by_density() ? p.score.log_density(x, t) : Times();
    return {std::move(x), std::move(score), std::move(log_density)};
  }

  Times log_ratio(const ReverseProcess& p, const ChainState& x, const ChainState& y, const Times& t) const {
    if (by_density()) return y.log_density - x.log_density;
    const Batch middle = p.score(0.5 * (x.x + y.x), t);
    return row_dot((x.score + 4 * middle + y.score) / 6, y.x - x.x);
  }

  /// Row by row, with u = Phi(its own normal number) uniform in (0, 1).
  void choose(const Times& ratio, const Batch& noise, ChainState& here, const ChainState& there) {
    for (Index row = 0; row < ratio.size(); ++row) {
      const double u = 0.5 * std::erfc(-noise(row, 0) / std::numbers::sqrt2);
      if (!(std::log(u) < ratio(row))) continue;  // NaN: refused
      accepted_(row) += 1;
      here.x.row(row) = there.x.row(row);
      here.score.row(row) = there.score.row(row);
      if (by_density()) here.log_density(row) = there.log_density(row);
    }
  }

  SolverOptions options_;
  Times accepted_;
};

}  // namespace

std::unique_ptr<Solver> make_mala(const SolverOptions& options) { return std::make_unique<Mala>(options); }

}  // namespace scoresde
