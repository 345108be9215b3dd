#include "sampler/solver.h"
#include "verify/check.h"
#include "verify/line_law.h"

namespace scoresde {
namespace {

constexpr Index kChains = 2000;
constexpr int kChainSteps = 100;

struct ChainEnd {
  double kolmogorov, correlation;
};

// Chains at one noise level (sigma = alpha / 2) that begin in its exact law.
ChainEnd run_chains(const Sde& sde, std::string_view corrector) {
  const auto data = verification_mixture();
  const MixtureScore score(sde, data);
  const double t = sde.time_at(std::log(2.0));
  std::vector<std::uint64_t> ids(kChains);
  for (std::size_t k = 0; k < ids.size(); ++k) ids[k] = k;
  const CounterNoise noise(2, ids, 1);
  const auto solver = make_solver(corrector);
  const std::vector<double> times = {t, t};
  solver->begin(times);
  const Batch start = draw_at(sde, data, t, kChains, 2);
  Batch x = start;
  for (int k = 0; k < kChainSteps; ++k) x = solver->step({sde, score, noise}, x, {t, t, static_cast<std::uint32_t>(k)});
  const auto a = start - start.mean(), b = x - x.mean();
  const double correlation = (a * b).mean() / std::sqrt(a.square().mean() * b.square().mean());
  return {LineLaw(sde, data, t).kolmogorov(x), correlation};
}

}  // namespace

std::vector<CheckTable> verify_langevin(const VerifyOptions& options) {
  CheckTable law{
      "Langevin dynamics stays in its law",
      fmt::format("{} chains begin in the exact law of a mixture at sigma = alpha / 2; their distance from it "
                  "after {} steps as above, below 3 (a step that is not accepted or refused has a bias).",
                  kChains, kChainSteps),
      "corrector",
      {}};
  CheckTable motion{
      "Langevin dynamics moves", "Correlation of the chains' ends with their beginnings, below 0.9.", "corrector", {}};
  for (const SolverEntry& solver : solvers())
    for (const SdeEntry& sde : sdes())
      if (solver.corrector && solver.name != "none") {
        law.checks.push_back({std::string(solver.name), std::string(sde.name), 0, 0, 3, ""});
        motion.checks.push_back({std::string(solver.name), std::string(sde.name), 0, -1, 0.9, ""});
      }
  std::vector<Check> both = law.checks;
  run_checks(both, options, [&](Check& check) {
    const auto at = static_cast<std::size_t>(&check - both.data());
    const ChainEnd end = run_chains(*verification_sde(check.column), check.row);
    law.checks[at].measured = end.kolmogorov;
    motion.checks[at].measured = end.correlation;
  });
  return {law, motion};
}

}  // namespace scoresde
