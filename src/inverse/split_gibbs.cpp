#include <cmath>

#include "inverse/method_parts.h"
#include "sampler/solver.h"
#include "sde/grid.h"

namespace scoresde {
namespace {

/// The split Gibbs sampler (Vono et al. 2019; with a score model Wu et al. 2024, PnP-DM): x_0 and a copy z of it, |x_0
/// - z| of deviation rho, are drawn in turn, z given the measurement and x_0 (a Gaussian, exactly), x_0 given z by the
/// reverse SDE from the level where sigma / alpha = rho. rho falls geometrically from rho_max to rho_min over the first
/// two thirds of the steps. As rho goes to 0 the law of x_0 is the posterior; no derivative of the score.
class SplitGibbs : public MeasuredSolver {
 public:
  using MeasuredSolver::MeasuredSolver;

  void begin(std::span<const double> times) override { steps_ = static_cast<int>(times.size()) - 1; }

  Batch start(const ReverseProcess&, const Batch& prior) override { return Batch::Zero(prior.rows(), prior.cols()); }

  Batch step(const ReverseProcess& p, const Batch& x, const Interval& i) override {
    const double falling = std::max(1.0, 2.0 * steps_ / 3);
    const double rho = options_.rho_max * std::pow(options_.rho_min / options_.rho_max,
                                                   std::min(1.0, static_cast<double>(i.index) / falling));
    return drawn_by_prior(p, copy_given(p, x, rho, i), rho, i);
  }

  Batch denoise(const ReverseProcess&, const Batch& x, double) override { return x; }

 private:
  /// N(mean, (A^T A / sigma_y^2 + I / rho^2)^-1): the solution of the system with noise on its right side.
  Batch copy_given(const ReverseProcess& p, const Batch& x, double rho, const Interval& i) const {
    const Batch z = p.noise.normal(Purpose::known_part, i, 0), seen = white_of_measured(p, i, x.cols());
    const double shift = std::pow(m_.sigma / rho, 2);
    return each_row(x, [&](const Vector& row, const Vector& y, Index k) -> Vector {
      const Vector start = row + rho * z.row(k).transpose().matrix();
      const Vector noisy = y + m_.sigma * seen.row(k).transpose().matrix();
      return solve_shifted(op(), op().adjoint(noisy) + shift * start, shift, start);
    });
  }

  /// N(0, I) of as many values as are measured, from draws of as many as a sample has.
  Batch white_of_measured(const ReverseProcess& p, const Interval& i, Index each) const {
    Batch noise(m_.y.rows(), m_.y.cols());
    for (Index first = 0; first < noise.cols(); first += each) {
      const Index count = std::min(each, noise.cols() - first);
      noise.middleCols(first, count) =
          p.noise.normal(Purpose::known_part, i, static_cast<std::uint32_t>(1 + first / each)).leftCols(count);
    }
    return noise;
  }

  Batch drawn_by_prior(const ReverseProcess& p, const Batch& copy, double rho, const Interval& i) const {
    const double t = p.sde.time_at(-std::log(rho)), end = std::min(t, p.sde.t_end());
    const double alpha = p.sde.marginal(t).alpha;
    const Batch x = alpha * copy;
    if (!(t > end)) return scoresde::denoise(p.sde, p.score, x, times_of(x.rows(), t));
    const auto times = make_grid("log-snr", p.sde, t, end, options_.prior_steps);
    const auto solver = make_solver(options_.solver, options_.settings);
    solver->begin(times);
    Batch y = x;
    for (std::size_t k = 0; k + 1 < times.size(); ++k) {
      const auto number = i.index * static_cast<std::uint32_t>(options_.prior_steps) + static_cast<std::uint32_t>(k);
      y = solver->step(p, y, {times[k], times[k + 1], number});
    }
    return solver->denoise(p, y, end);
  }

  int steps_ = 1;
};

}  // namespace

std::unique_ptr<RestorationSolver> make_split_gibbs(const Measurement& m, const MethodOptions& options) {
  return std::make_unique<SplitGibbs>(m, options);
}

}  // namespace scoresde
