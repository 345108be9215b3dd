#include "verify/solver_error.h"

#include <cmath>

namespace scoresde {
namespace {

const SampleOptions kUntilTEnd{.denoise = false, .progress = {}};

double deviation_at(const Sde& sde, const std::vector<MixtureComponent>& data, double t) {
  double total = 0, mean = 0, square = 0;
  for (const MixtureComponent& c : data) {
    total += c.weight;
    mean += c.weight * c.law.mean()[0];
    square += c.weight * (c.law.covariance()(0, 0) + c.law.mean()[0] * c.law.mean()[0]);
  }
  const Marginal m = sde.marginal(t);
  return std::hypot(m.alpha * std::sqrt(square / total - mean * mean / (total * total)), m.sigma);
}

}  // namespace

Batch ImpulseNoise::normal(Purpose, const Interval&, std::uint32_t) const {
  Batch z = Batch::Zero(rows_, 1);
  if (++draws_ < rows_) z(draws_, 0) = 1;
  return z;
}

double exact_law_error(const Sde& sde, const SolverChoice& choice, int steps) {
  const auto data = verification_gaussian();
  const GaussianScore score(sde, data[0].law);
  const auto mean_at = [&](double t) { return sde.marginal(t).alpha * data[0].law.mean()[0]; };
  const double start = sde.t_max(), end = sde.t_end();
  const std::vector<double> times = choice.times(sde, steps);
  const auto run = [&](const NoiseSource& noise, const Batch& x) {
    return sample({sde, score, noise}, *choice.make(), x, times, kUntilTEnd).x;
  };
  const ImpulseNoise counting(1);
  run(counting, Batch::Constant(1, 1, mean_at(start)));
  const Index rows = counting.draws() + 2;  // without noise, an impulse a draw, and the spread of the start
  Batch x = Batch::Constant(rows, 1, mean_at(start));
  x(rows - 1, 0) += deviation_at(sde, data, start);
  const Batch end_x = run(ImpulseNoise(rows), x);
  double variance = 0;
  for (Index row = 1; row < rows; ++row) variance += std::pow(end_x(row, 0) - end_x(0, 0), 2);
  const double exact = deviation_at(sde, data, end);
  return std::abs(variance / (exact * exact) - 1) + std::abs(end_x(0, 0) - mean_at(end)) / exact;
}

double exact_flow_error(const Sde& sde, const std::vector<MixtureComponent>& data, const SolverChoice& choice,
                        int steps) {
  const MixtureScore score(sde, data);
  const double t = sde.t_max();
  const LineLaw start(sde, data, t), end(sde, data, sde.t_end());
  const int points = 5;
  Batch x(points, 1), exact(points, 1);
  for (int i = 0; i < points; ++i) {
    x(i, 0) = deviation_at(sde, data, t) * (-1.5 + 0.75 * i);
    exact(i, 0) = end.transport(x(i, 0), start);
  }
  const ImpulseNoise none(points);
  const Batch reached = sample({sde, score, none}, *choice.make(), x, choice.times(sde, steps), kUntilTEnd).x;
  return (reached - exact).abs().maxCoeff() / deviation_at(sde, data, sde.t_end());
}

bool keeps_laws_on_the_line(const SolverEntry& solver) { return solver.name != "langevin"; }

MeasuredOrder measured_order(const std::function<double(int steps)>& error, int first_steps, int doublings) {
  double coarse = error(first_steps), order = 0;
  for (int k = 1; k <= doublings; ++k) {
    const double fine = error(first_steps << k);
    if (k > 1 && fine < 1e-8) break;
    order = std::log2(coarse / fine);
    coarse = fine;
  }
  return {order, coarse};
}

}  // namespace scoresde
