#include "likelihood/flow.h"

#include <cmath>

#include "core/catalog.h"
#include "core/sum.h"

namespace scoresde {
namespace {

/// The rates of change of (x, divergence so far), a row an item.
class FlowRate {
 public:
  FlowRate(const Sde& sde, const Score& score, const Probes& probes) : sde_(sde), score_(score), probes_(probes) {}

  Index columns() const { return probes_.exact ? 1 : static_cast<Index>(probes_.v.size()); }

  Batch operator()(const Batch& state, const Times& t, std::span<const Index> rows) const {
    const Index n = state.rows(), dimension = state.cols() - columns();
    Times f(n), half_g2(n);
    for (Index i = 0; i < n; ++i) {
      const double g = sde_.diffusion(t[i]);
      f[i] = sde_.drift(t[i]);
      half_g2[i] = 0.5 * g * g;
    }
    const Batch x = state.leftCols(dimension);
    Batch rate(n, state.cols());
    if (columns() == 0) {
      rate = x.colwise() * f - score_(x, t).colwise() * half_g2;
      return rate;
    }
    Batch traces = Batch::Zero(n, columns());
    const Batch score = add_traces(x, t, rows, traces);
    rate.leftCols(dimension) = x.colwise() * f - score.colwise() * half_g2;
    rate.rightCols(columns()) =
        (static_cast<double>(dimension) * f).replicate(1, columns()) - traces.colwise() * half_g2;
    return rate;
  }

 private:
  // v^T J v of every probe, with the score of the same points. A basis of thousands of vectors is taken in parts:
  // memory, not speed.
  Batch add_traces(const Batch& x, const Times& t, std::span<const Index> rows, Batch& traces) const {
    constexpr std::size_t most_at_once = 64;
    const std::vector<Index> picked(rows.begin(), rows.end());
    Batch score;
    for (std::size_t first = 0; first < probes_.v.size(); first += most_at_once) {
      std::vector<Batch> v;
      for (std::size_t k = first; k < std::min(first + most_at_once, probes_.v.size()); ++k)
        v.push_back(probes_.v[k](picked, Eigen::all));
      const ScoreAndVjps both = score_.with_vjps(x, t, v);
      if (first == 0) score = both.score;
      for (std::size_t k = 0; k < v.size(); ++k)
        traces.col(probes_.exact ? 0 : static_cast<Index>(first + k)) += row_dot(v[k], both.vjps[k]);
    }
    return score;
  }

  const Sde& sde_;
  const Score& score_;
  const Probes& probes_;
};

// The flow in the variable lambda = log(alpha / sigma), in which dt / dlambda = -2 sigma^2 / g^2: neither end is stiff
// (dx/dlambda = O(sigma^2) where sigma vanishes), so equal steps serve every SDE.
OdeResult integrate_in_log_snr(const Sde& sde, const FlowRate& rate, const Batch& state, double t, double s,
                               const FlowOptions& options) {
  if (options.steps < 1) fail(Failure::usage, "a flow needs at least 1 step, not {}", options.steps);
  std::vector<double> nodes(static_cast<std::size_t>(options.steps) + 1);
  const double first = sde.log_snr(t), last = sde.log_snr(s);
  for (std::size_t k = 0; k < nodes.size(); ++k) {
    const double share = static_cast<double>(k) / options.steps;
    nodes[k] = (1 - share) * first + share * last;
  }
  const Velocity velocity = [&](const Batch& y, const Times& lambda, std::span<const Index> rows) -> Batch {
    if (y.rows() == 0) return y;
    const double time = lambda[0] == first ? t : lambda[0] == last ? s : sde.time_at(lambda[0]);
    const double sigma = sde.marginal(time).sigma, g = sde.diffusion(time);
    return rate(y, times_of(y.rows(), time), rows) * (-2 * sigma * sigma / (g * g));
  };
  return integrate_fixed(options.integrator, velocity, state, nodes);
}

}  // namespace

FlowResult flow_with_divergence(const Sde& sde, const Score& score, const Batch& x, double t, double s,
                                const Probes& probes, const FlowOptions& options) {
  for (const double time : {t, s})
    if (!(time >= sde.t_min() && time <= sde.t_max()))
      fail(Failure::usage, "time {} is outside [{}, {}] of sde {}", time, sde.t_min(), sde.t_max(), sde.name());
  if (!(options.tolerance >= 1e-13 && options.tolerance <= 1))
    fail(Failure::usage, "tolerance {} is outside [1e-13, 1]", options.tolerance);
  const FlowRate rate(sde, score, probes);
  Batch state = Batch::Zero(x.rows(), x.cols() + rate.columns());
  state.leftCols(x.cols()) = x;
  OdeResult end =
      find_entry("integrator", integrators(), options.integrator).fixed
          ? integrate_in_log_snr(sde, rate, state, t, s, options)
          : integrate_rk45(
                [&](const Batch& y, const Times& at, std::span<const Index> rows) { return rate(y, at, rows); }, state,
                t, s, {.rtol = options.tolerance, .atol = options.tolerance, .one_system = options.one_system});
  return {end.x.leftCols(x.cols()), end.x.rightCols(rate.columns()), std::move(end.evaluations),
          std::move(end.converged)};
}

FlowResult flow(const Sde& sde, const Score& score, const Batch& x, double t, double s, const FlowOptions& options) {
  return flow_with_divergence(sde, score, x, t, s, {}, options);
}

Batch spherical(const Batch& a, const Batch& b, int frames) {
  if (a.rows() != 1 || b.rows() != 1 || a.cols() != b.cols() || frames < 2)
    fail(Failure::usage, "an interpolation joins two rows of one length in at least 2 frames, not {}", frames);
  const double lengths = row_norm(a)[0] * row_norm(b)[0];
  const double cosine = lengths > 0 ? std::clamp(row_dot(a, b)[0] / lengths, -1.0, 1.0) : 1;
  const double angle = std::acos(cosine), sine = std::sin(angle);
  Batch rows(frames, a.cols());
  for (int k = 0; k < frames; ++k) {
    const double u = static_cast<double>(k) / (frames - 1);
    const bool straight = sine < 1e-6;
    rows.row(k) = (straight ? 1 - u : std::sin((1 - u) * angle) / sine) * a.row(0) +
                  (straight ? u : std::sin(u * angle) / sine) * b.row(0);
  }
  return rows;
}

}  // namespace scoresde
