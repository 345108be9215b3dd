#include <cmath>

#include "verify/check.h"
#include "verify/solver_error.h"

namespace scoresde {
namespace {

constexpr Index kChainValues = 2048;
constexpr int kChainSteps = 100;

struct ChainEnd {
  double kolmogorov, correlation;
};

std::vector<MixtureComponent> chain_law(Index dimension) {
  return dimension == 1 ? verification_mixture()
                        : std::vector<MixtureComponent>{{1, Gaussian(Eigen::ArrayXd::Constant(dimension, 0.3), 0.25)}};
}

// Chains at one noise level, sigma = alpha / 2, that begin in its exact law: of a mixture on the line, or of a Gaussian
// whose values are all alike, counted together.
ChainEnd run_chains(const Sde& sde, std::string_view corrector, Index dimension) {
  const auto data = chain_law(dimension);
  const MixtureScore score(sde, data);
  const double t = sde.time_at(std::log(2.0));
  const Index chains = kChainValues / dimension;
  std::vector<std::uint64_t> ids(static_cast<std::size_t>(chains));
  for (std::size_t k = 0; k < ids.size(); ++k) ids[k] = k;
  const CounterNoise noise(2, ids, dimension);
  const auto solver = make_solver(corrector);
  solver->begin(std::vector<double>{t, t});
  const Batch start = draw_at(sde, data, t, chains, 2);
  Batch x = start;
  for (int k = 0; k < kChainSteps; ++k) x = solver->step({sde, score, noise}, x, {t, t, static_cast<std::uint32_t>(k)});
  const Batch a = start - start.mean(), b = x - x.mean();
  const double correlation = (a * b).mean() / std::sqrt(a.square().mean() * b.square().mean());
  const auto one = dimension == 1 ? data : verification_gaussian();
  return {LineLaw(sde, one, t).kolmogorov(x), correlation};
}

CheckTable chain_table(std::string_view title, std::string_view note, double low, double high, bool on_the_line) {
  CheckTable table{std::string(title), std::string(note), "corrector", {}};
  for (const SolverEntry& solver : solvers())
    if (solver.corrector && (!on_the_line || keeps_laws_on_the_line(solver)))
      for (const SdeEntry& sde : sdes())
        table.checks.push_back({std::string(solver.name), std::string(sde.name), 0, low, high, ""});
  return table;
}

}  // namespace

std::vector<CheckTable> verify_langevin(const VerifyOptions& options) {
  CheckTable line = chain_table("Langevin dynamics stays in its law: a mixture on the line",
                                "2048 chains begin in the exact law at sigma = alpha / 2; their distance from it after "
                                "100 steps (Kolmogorov-Smirnov times the root of n), below 3.",
                                0, 3, true);
  CheckTable space = chain_table("Langevin dynamics stays in its law: a Gaussian in 64 dimensions",
                                 "The same of 32 chains, all their values together.", 0, 3, false);
  CheckTable motion = chain_table("Langevin dynamics moves",
                                  "Correlation of those values with where they began, below 0.9.", -1, 0.9, false);
  run_checks(line.checks, options, [](Check& check) {
    check.measured = run_chains(*verification_sde(check.column), check.row, 1).kolmogorov;
  });
  std::vector<Check> both = space.checks;
  run_checks(both, options, [&](Check& check) {
    const auto at = static_cast<std::size_t>(&check - both.data());
    const ChainEnd end = run_chains(*verification_sde(check.column), check.row, 64);
    space.checks[at].measured = end.kolmogorov;
    motion.checks[at].measured = end.correlation;
  });
  return {line, space, motion};
}

}  // namespace scoresde
