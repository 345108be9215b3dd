#include <cmath>

#include "inverse/method_parts.h"
#include "sampler/solver.h"
#include "sde/grid.h"

namespace scoresde {
namespace {

/// Noise for `particles` rows behind each row of another source.
class ParticleNoise : public NoiseSource {
 public:
  ParticleNoise(const NoiseSource& base, Index rows, Index dimension, Index particles)
      : base_(base), rows_(rows), dimension_(dimension), particles_(particles) {}

  Batch normal(Purpose purpose, const Interval& interval, std::uint32_t draw = 0) const override {
    Batch z(rows_ * particles_, dimension_);
    for (Index k = 0; k < z.rows(); ++k)
      base_.normal_row(
          purpose, interval.index * static_cast<std::uint32_t>(particles_) + static_cast<std::uint32_t>(k % particles_),
          draw, k / particles_, std::span(z.data() + k * dimension_, static_cast<std::size_t>(dimension_)));
    return z;
  }

 private:
  const NoiseSource& base_;
  Index rows_, dimension_, particles_;
};

/// Every row `times` times.
Batch each_repeated(const Batch& rows, Index times) {
  Batch result(rows.rows() * times, rows.cols());
  for (Index k = 0; k < result.rows(); ++k) result.row(k) = rows.row(k / times);
  return result;
}

/// The split Gibbs sampler (Vono et al. 2019; with a score model Wu et al. 2024, PnP-DM): x_0 and a copy z of it, |x_0
/// - z| of deviation rho, are drawn in turn, z given the measurement and x_0 (a Gaussian, exactly), x_0 given z by the
/// reverse SDE from the level where sigma / alpha = rho. rho falls geometrically from rho_max to rho_min over the first
/// two thirds of the steps. As rho goes to 0 the law of x_0 is the posterior; no derivative of the score.
///
/// At a given rho the chain's law of x_0 is p(x_0) N(y; A x_0, sigma_y^2 I + rho^2 A A^T). Where that has modes far
/// apart, chains stop to change between them long before rho_min, and too many stay in the lesser one. Several
/// `particles` behind each draw mend that: annealed importance sampling (Neal 2001) weighs them by the quotient of
/// these laws whenever rho falls, in which the unknown p(x_0) cancels, and they are drawn anew by their weights when
/// fewer than half count (Del Moral et al. 2006).
class SplitGibbs : public MeasuredSolver {
 public:
  SplitGibbs(const Measurement& measurement, const MethodOptions& options)
      : MeasuredSolver(measurement, options), particles_(options.particles) {
    if (particles_ == 1) return;
    known_ = std::make_unique<KnownValues>(measurement);
    m_.y = each_repeated(m_.y, particles_);
  }

  void begin(std::span<const double> times) override { steps_ = static_cast<int>(times.size()) - 1; }

  Batch start(const ReverseProcess&, const Batch& prior) override {
    chains_ = Batch::Zero(prior.rows() * particles_, prior.cols());
    log_weights_ = Times::Zero(chains_.rows());
    return Batch::Zero(prior.rows(), prior.cols());
  }

  Batch step(const ReverseProcess& p, const Batch& x, const Interval& i) override {
    if (particles_ == 1) return drawn(p, x, rho_at(i.index), i);
    const ParticleNoise noise(p.noise, x.rows(), x.cols(), particles_);
    const double rho = rho_at(i.index);
    if (i.index > 0) {
      reweigh(rho_at(i.index - 1), rho);
      draw_anew(p, i);
    }
    chains_ = drawn({p.sde, p.score, noise}, chains_, rho, i);
    return chosen(p, i);
  }

  Batch denoise(const ReverseProcess&, const Batch& x, double) override { return x; }

 private:
  double rho_at(std::uint32_t index) const {
    const double falling = std::max(1.0, 2.0 * steps_ / 3);
    return options_.rho_max *
           std::pow(options_.rho_min / options_.rho_max, std::min(1.0, static_cast<double>(index) / falling));
  }

  Batch drawn(const ReverseProcess& p, const Batch& x, double rho, const Interval& i) const {
    return drawn_by_prior(p, copy_given(p, x, rho, i), rho, i);
  }

  /// log N(y; A x, sigma_y^2 I + rho^2 A A^T) of a draw's measurement, in singular vectors and without what all share.
  double log_fit(Index row, const Vector& x, double rho) const {
    const Vector c = known_->spectrum().analyse(x);
    double sum = 0;
    for (Index j = 0; j < c.size(); ++j) {
      if (!known_->seen(j)) continue;
      const double variance = std::pow(known_->deviations()[j], 2) + rho * rho;
      sum -= 0.5 * (std::pow(known_->coefficients()(row, j) - c[j], 2) / variance);
    }
    return sum;
  }

  void reweigh(double before, double after) {
    for (Index k = 0; k < chains_.rows(); ++k) {
      const Vector x = chains_.row(k).transpose().matrix();
      log_weights_[k] += log_fit(k / particles_, x, after) - log_fit(k / particles_, x, before);
    }
  }

  Eigen::ArrayXd weights_of(Index row) const {
    const Eigen::ArrayXd logs = log_weights_.segment(row * particles_, particles_);
    const Eigen::ArrayXd weights = (logs - logs.maxCoeff()).exp();
    return weights / weights.sum();
  }

  /// A uniform number for a row and step.
  double chance(const ReverseProcess& p, const Interval& i, std::uint32_t draw, Index row, Index dimension) const {
    std::vector<double> z(static_cast<std::size_t>(dimension));
    p.noise.normal_row(Purpose::resample, i.index, draw, row, z);
    return 0.5 * std::erfc(-z[0] / std::sqrt(2.0));
  }

  /// Systematic resampling of the rows whose effective number of particles is below a half.
  void draw_anew(const ReverseProcess& p, const Interval& i) {
    const Batch before = chains_;
    for (Index row = 0; row < chains_.rows() / particles_; ++row) {
      const Eigen::ArrayXd weights = weights_of(row);
      if (1 / weights.square().sum() >= 0.5 * static_cast<double>(particles_)) continue;
      const double u = chance(p, i, 0, row, chains_.cols());
      double reached = weights[0];
      for (Index k = 0, from = 0; k < particles_; ++k) {
        while (reached * static_cast<double>(particles_) < static_cast<double>(k) + u && from + 1 < particles_)
          reached += weights[++from];
        chains_.row(row * particles_ + k) = before.row(row * particles_ + from);
      }
      log_weights_.segment(row * particles_, particles_) = 0;
    }
  }

  /// One particle of each row, by weight.
  Batch chosen(const ReverseProcess& p, const Interval& i) const {
    Batch x(chains_.rows() / particles_, chains_.cols());
    for (Index row = 0; row < x.rows(); ++row) {
      const Eigen::ArrayXd weights = weights_of(row);
      const double u = chance(p, i, 1, row, x.cols());
      Index k = 0;
      for (double reached = weights[0]; reached < u && k + 1 < particles_;) reached += weights[++k];
      x.row(row) = chains_.row(row * particles_ + k);
    }
    return x;
  }

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
  Index particles_;
  std::unique_ptr<KnownValues> known_;  // of several particles
  Batch chains_;                        // `particles` rows a draw
  Times log_weights_;
};

}  // namespace

std::unique_ptr<RestorationSolver> make_split_gibbs(const Measurement& m, const MethodOptions& options) {
  return std::make_unique<SplitGibbs>(m, options);
}

}  // namespace scoresde
