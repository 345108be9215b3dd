#include <cmath>

#include "sampler/sample.h"
#include "score/posterior.h"
#include "verify/check.h"
#include "verify/line_law.h"

namespace scoresde {
namespace {

// The law of u . x for x of a mixture.
std::vector<MixtureComponent> along(const std::vector<MixtureComponent>& law, const Eigen::VectorXd& u) {
  std::vector<MixtureComponent> line;
  for (const MixtureComponent& c : law)
    line.push_back(
        {c.weight, Gaussian(Eigen::ArrayXd::Constant(1, u.dot(c.law.mean().matrix())), u.dot(c.law.covariance() * u))});
  return line;
}

// A plane mixture seen through one noisy number; samples of its posterior, carried by a solver, along a direction that
// was not seen.
double posterior_distance(const Sde& sde, const std::string& solver, Index rows) {
  const std::vector<MixtureComponent> prior = {{0.5, Gaussian(Eigen::Array2d(-0.6, 0.4), 0.05)},
                                               {0.5, Gaussian(Eigen::Array2d(0.5, -0.3), 0.1)}};
  const auto law = posterior(prior, linear_measurement(Eigen::RowVector2d(1, 0.5), Eigen::VectorXd::Zero(1), 0.3));
  const MixtureScore score(sde, law);
  std::vector<std::uint64_t> ids(static_cast<std::size_t>(rows));
  for (std::size_t k = 0; k < ids.size(); ++k) ids[k] = k;
  const CounterNoise noise(3, ids, 2);
  const SolverChoice choice(solver, {});
  const Samples samples = sample({sde, score, noise}, *choice.make(), draw_at(sde, law, sde.t_max(), rows, 3),
                                 choice.times(sde, 200), {.denoise = false, .progress = {}});
  const Eigen::Vector2d u = Eigen::Vector2d(-1, 2) / std::sqrt(5.0);  // a unit vector: noise along it is N(0, 1) too
  return LineLaw(sde, along(law, u), sde.t_end()).kolmogorov((samples.x.matrix() * u).array());
}

}  // namespace

std::vector<CheckTable> verify_posteriors(const VerifyOptions& options) {
  const Index rows = options.full ? 20000 : 2000;
  CheckTable table{
      "Posterior of a mixture",
      fmt::format("The score of the exact posterior under a linear measurement, sampled: Kolmogorov-Smirnov "
                  "distance times the root of n = {} from its law along the direction that was not seen, below 3.",
                  rows),
      "solver",
      {}};
  for (const char* solver : {"dpm++2m", "euler-maruyama"})
    for (const SdeEntry& sde : sdes()) table.checks.push_back({solver, std::string(sde.name), 0, 0, 3, ""});
  run_checks(table.checks, options, [&](Check& check) {
    check.measured = posterior_distance(*verification_sde(check.column), check.row, rows);
  });
  return {table};
}

}  // namespace scoresde
