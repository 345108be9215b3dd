#include <cmath>
#include <numbers>

#include "core/sum.h"
#include "likelihood/flow.h"
#include "verify/check.h"
#include "verify/line_law.h"

namespace scoresde {
namespace {

/// A mixture in three dimensions, one component with axes of its own.
MixtureScore skewed_law(const Sde& sde) {
  Eigen::Matrix3d covariance;
  covariance << 0.3, 0.1, 0, 0.1, 0.2, -0.05, 0, -0.05, 0.1;
  return {sde,
          {{0.4, Gaussian(Eigen::Array3d(0.5, -0.4, 0.2), Eigen::MatrixXd(covariance))},
           {0.6, Gaussian(Eigen::Array3d(-0.7, 0.3, 0.1), 0.09)}}};
}

std::vector<std::uint64_t> numbered(Index rows) {
  std::vector<std::uint64_t> ids(static_cast<std::size_t>(rows));
  for (std::size_t k = 0; k < ids.size(); ++k) ids[k] = k;
  return ids;
}

Batch points_at(const Sde& sde, const MixtureScore& score, double t, Index rows) {
  const auto parts = score.components();
  return draw_at(sde, {parts.begin(), parts.end()}, t, rows, 4);
}

// log p at t_min from the divergence along the flow and the exact density where it ends, in bits.
double likelihood_error(const Sde& sde, double tolerance) {
  const MixtureScore score = skewed_law(sde);
  const Index rows = 20;
  const Batch x = points_at(sde, score, sde.t_min(), rows);
  const FlowResult end = flow_with_divergence(sde, score, x, sde.t_min(), sde.t_max(),
                                              make_probes("exact", 1, 0, numbered(rows), 3), {.tolerance = tolerance});
  const Times found = score.log_density(end.x, times_of(rows, sde.t_max())) + end.divergence.col(0);
  const Times exact = score.log_density(x, times_of(rows, sde.t_min()));
  return (found - exact).abs().maxCoeff() / std::numbers::ln2;
}

double return_error(const Sde& sde) {
  const MixtureScore score = skewed_law(sde);
  const Batch x = points_at(sde, score, sde.t_min(), 20);
  const FlowOptions options{.tolerance = 1e-8};
  const Batch code = flow(sde, score, x, sde.t_min(), sde.t_max(), options).x;
  return (flow(sde, score, code, sde.t_max(), sde.t_min(), options).x - x).abs().maxCoeff();
}

// Mean over rows of (estimate - exact trace) in standard errors, halfway in log-SNR.
double probe_bias(const Sde& sde, const DivergenceEntry& entry, Index rows) {
  const MixtureScore score = skewed_law(sde);
  const double t = sde.time_at(0.5 * (sde.log_snr(sde.t_end()) + sde.log_snr(sde.t_max())));
  const Times times = times_of(rows, t);
  const Batch x = points_at(sde, score, t, rows);
  const auto trace = [&](const Probes& probes) {
    Times sum = Times::Zero(rows);
    for (const Batch& v : probes.v) sum += row_dot(v, score.vjp(x, times, v));
    return probes.exact ? sum : (sum / static_cast<double>(probes.v.size())).eval();
  };
  const auto ids = numbered(rows);
  const Times difference =
      trace(make_probes(entry.name, entry.block, 1, ids, 3)) - trace(make_probes("exact", 1, 1, ids, 3));
  const double mean = ordered_mean(difference);
  return mean / std::sqrt(ordered_mean((difference - mean).square()) / static_cast<double>(rows - 1));
}

}  // namespace

std::vector<CheckTable> verify_likelihood(const VerifyOptions& options) {
  const double tolerance = 1e-8;
  CheckTable exact{
      "Likelihood of a mixture",
      "Largest error in bits of log p at t_min by the exact divergence along the flow at tolerance 1e-8, of "
      "20 points in three dimensions: at most 1e-5. Decoded: largest error of decode(encode(x)), at most "
      "1e-4.",
      "SDE",
      {}};
  CheckTable bias{"Divergence estimators",
                  "Mean error of the trace of a mixture's score in standard errors, within 4.",
                  "estimator",
                  {}};
  for (const SdeEntry& sde : sdes()) {
    // A table's slopes jump at its knots, which a method of fifth order feels.
    const double most = sde.name == "table" ? 1e-3 : 1e-5;
    exact.checks.push_back({std::string(sde.name), "bits", 0, 0, most, ""});
    exact.checks.push_back({std::string(sde.name), "decoded", 0, 0, 1e-4, ""});
    for (const DivergenceEntry& entry : divergences())
      if (!entry.exact) bias.checks.push_back({std::string(entry.name), std::string(sde.name), 0, -4, 4, ""});
  }
  run_checks(exact.checks, options, [&](Check& check) {
    const auto sde = verification_sde(check.row);
    check.measured = check.column == "bits" ? likelihood_error(*sde, tolerance) : return_error(*sde);
  });
  run_checks(bias.checks, options, [&](Check& check) {
    for (const DivergenceEntry& entry : divergences())
      if (entry.name == check.row)
        check.measured = probe_bias(*verification_sde(check.column), entry, options.full ? 50000 : 4000);
  });
  return {exact, bias};
}

}  // namespace scoresde
