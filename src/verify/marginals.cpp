#include <cmath>

#include "ode/ode.h"
#include "verify/check.h"
#include "verify/line_law.h"

namespace scoresde {
namespace {

// Relative error of (alpha, sigma^2) at t_max after integrating (log alpha)' = f, (log v)' = 2 f + g^2 / v from t_min,
// over -log-SNR, in which every SDE is smooth.
double moment_error(const Sde& sde) {
  const Velocity slopes = [&](const Batch& y, const Times& u, std::span<const Index>) {
    Batch slope(y.rows(), 2);
    for (Index i = 0; i < y.rows(); ++i) {
      const double t = sde.time_at(-u[i]), f = sde.drift(t), g = sde.diffusion(t);
      const double dt = 2 * std::pow(sde.marginal(t).sigma / g, 2);  // -(log-SNR)' = g^2 / (2 sigma^2)
      slope(i, 0) = dt * f;
      slope(i, 1) = dt * (2 * f + g * g * std::exp(-y(i, 1)));
    }
    return slope;
  };
  const auto logs = [&](double t) {
    const Marginal m = sde.marginal(t);
    return (Batch(1, 2) << std::log(m.alpha), 2 * std::log(m.sigma)).finished();
  };
  const double low = sde.t_min(), high = sde.t_max();
  const OdeResult end = integrate_rk45(slopes, logs(low), -sde.log_snr(low), -sde.log_snr(high),
                                       {.rtol = 1e-11, .atol = 1e-11, .most_steps = 200000});
  return (end.x - logs(high)).abs().maxCoeff();
}

// The transition t_min -> t -> t_max composed against the marginal of t_max.
double transition_error(const Sde& sde) {
  double worst = 0;
  const Marginal from = sde.marginal(sde.t_min()), to = sde.marginal(sde.t_max());
  for (int k = 1; k < 20; ++k) {
    const double t = sde.t_min() + (sde.t_max() - sde.t_min()) * k / 20;
    const Transition one = sde.transition(sde.t_min(), t), two = sde.transition(t, sde.t_max());
    const double scale = one.scale * two.scale;
    const double variance = std::pow(scale * from.sigma, 2) + std::pow(two.scale * one.std, 2) + two.std * two.std;
    worst =
        std::max({worst, std::abs(scale * from.alpha / to.alpha - 1), std::abs(std::sqrt(variance) / to.sigma - 1)});
  }
  return worst;
}

double inverse_error(const Sde& sde) {
  double worst = 0;
  for (int k = 0; k <= 20; ++k) {
    const double t = sde.t_min() + (sde.t_max() - sde.t_min()) * k / 20;
    worst = std::max(worst, std::abs(sde.time_at(sde.log_snr(t)) / t - 1));
  }
  return worst;
}

struct MarginalCheck {
  const char* name;
  double (*error)(const Sde&);
  double most;
};
constexpr MarginalCheck kMarginalChecks[] = {
    {"moment ODEs", moment_error, 1e-7}, {"transitions", transition_error, 1e-12}, {"t(log SNR)", inverse_error, 1e-9}};

}  // namespace

std::vector<CheckTable> verify_marginals(const VerifyOptions& options) {
  CheckTable table{"Marginals",
                   "Relative error of alpha and sigma: from drift and diffusion integrated over all times, from "
                   "transitions composed; and of the time that belongs to a log-SNR.",
                   "SDE",
                   {}};
  for (const SdeEntry& entry : sdes())
    for (const MarginalCheck& check : kMarginalChecks)
      table.checks.push_back({std::string(entry.name), check.name, 0, 0, check.most, ""});
  run_checks(table.checks, options, [](Check& check) {
    const auto sde = verification_sde(check.row);
    for (const MarginalCheck& kind : kMarginalChecks)
      if (check.column == kind.name) check.measured = kind.error(*sde);
  });
  return {table};
}

}  // namespace scoresde
