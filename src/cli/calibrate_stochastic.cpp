#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

#include "cli/app.h"
#include "cli/calibrate.h"
#include "core/catalog.h"

namespace scoresde {
namespace {

/// A solver, and the setting that decides how much noise it makes.
struct NoisySolver {
  std::string_view solver, setting;
  std::vector<double> values;
};
const std::vector<NoisySolver>& noisy_solvers() {
  static const std::vector<NoisySolver> table = {{"reverse-diffusion+langevin", "snr", {0.02, 0.05, 0.1, 0.16, 0.22}},
                                                 {"edm-heun", "churn", {1, 3, 10, 30}},
                                                 {"euler-maruyama", "eta", {0.5, 1}},
                                                 {"dpm++2m-sde", "eta", {0.3, 0.6, 1}},
                                                 {"dpm++3m-sde", "eta", {0.3, 0.6, 1}},
                                                 {"sa-solver", "eta", {0.3, 0.6, 1}}};
  return table;
}
constexpr std::string_view kUsualStochastic = "euler-maruyama";

class LawSearch {
 public:
  LawSearch(const Sde& sde, const Score& score, std::size_t samples, std::uint64_t seed)
      : sde_(sde), score_(score), samples_(samples), seed_(seed) {
    DrawPlan fine;
    fine.solver = "dpm++3m-sde";
    fine.nfe = 400;
    reference_ = drawn(fine, 0);
    fresh_reference_ = drawn(fine, 1);
  }

  StochasticResult best(int nfe, const std::function<void(const std::string&)>& tell) const {
    std::optional<DrawPlan> best;
    CalibrationRow row{.nfe = nfe, .grid = "own", .stochastic = true};
    double least = INFINITY;
    for (const NoisySolver& noisy : noisy_solvers())
      for (const double value : noisy.values) {
        const std::string setting = fmt::format("{}={:g}", noisy.setting, value);
        const std::optional<DrawPlan> plan = plan_of(noisy.solver, setting, nfe);
        if (!plan) continue;
        tell(fmt::format("{} NFE: {}, {}", nfe, noisy.solver, setting));
        const double distance = energy(drawn(*plan, 2), reference_).value;
        if (!(distance < least)) continue;
        least = distance, best = plan;
        row.solver = noisy.solver;
        row.settings = {setting};
      }
    if (!best) fail(Failure::usage, "no stochastic solver makes exactly {} evaluations", nfe);
    row.times = resolve(sde_, *best).times;
    DrawPlan usual;
    usual.solver = kUsualStochastic;
    usual.nfe = nfe;
    return {row, energy(drawn(*best, 3), fresh_reference_), energy(drawn(usual, 3), fresh_reference_)};
  }

 private:
  std::optional<DrawPlan> plan_of(std::string_view solver, const std::string& setting, int nfe) const {
    DrawPlan plan;
    plan.solver = solver;
    set(plan.options, setting);
    const SolverChoice choice(plan.solver, plan.options);
    if (choice.evaluations(choice.steps_for_at_least(nfe, true), true) != nfe) return {};
    plan.nfe = nfe;
    return plan;
  }

  // The part-th `samples_` samples; parts are disjoint.
  Batch drawn(DrawPlan plan, std::uint64_t part) const {
    plan.seed = seed_;
    plan.ids.resize(samples_);
    std::iota(plan.ids.begin(), plan.ids.end(), part * samples_);
    Batch rows(static_cast<Index>(samples_), score_.dimension());
    Index filled = 0;
    draw(sde_, score_, plan, true, [&](const DrawnBatch& batch) {
      rows.middleRows(filled, batch.samples.x.rows()) = batch.samples.x;
      filled += batch.samples.x.rows();
    });
    return rows;
  }

  static MetricValue energy(const Batch& samples, const Batch& reference) {
    if (!samples.isFinite().all()) return {INFINITY, 0};
    return measure(find_entry("metric", metrics(), "energy"), {.samples = samples, .reference = reference});
  }

  const Sde& sde_;
  const Score& score_;
  std::size_t samples_;
  std::uint64_t seed_;
  Batch reference_, fresh_reference_;
};

}  // namespace

std::vector<StochasticResult> calibrate_stochastic(const Sde& sde, const Score& score,
                                                   const std::vector<std::uint64_t>& budgets, std::size_t samples,
                                                   std::uint64_t seed,
                                                   const std::function<void(const std::string&)>& tell) {
  tell("the reference");
  const LawSearch search(sde, score, samples, seed);
  std::vector<StochasticResult> results;
  for (const std::uint64_t nfe : budgets) results.push_back(search.best(static_cast<int>(nfe), tell));
  return results;
}

}  // namespace scoresde
