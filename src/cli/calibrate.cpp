#include "cli/calibrate.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "cli/app.h"
#include "cli/model_score.h"
#include "core/clock.h"
#include "core/sum.h"
#include "report/progress.h"
#include "report/table.h"
#include "sampler/calibration.h"

namespace scoresde {
namespace {

struct CalibrateFlags {
  std::string run, nfe = "5,8,10,20";
  EngineChoice engine;
  int paths = 64, samples = 400;
  long long seed = 20000;  // apart from the seeds that people sample with
  bool dry = false, stochastic = false;
};

/// One budget: what was found, and how far both ends are from the reference on paths that were not searched on.
struct CalibrationResult {
  CalibrationRow row;
  double found = 0, usual = 0;      ///< root mean square distance to x_0
  double gain = 0, gain_error = 0;  ///< mean of the logarithm of usual / found over paths, and its standard error
  int matches = 0;                  ///< budget at which the usual sampler is as near; 0: none tried
};

class CalibrationRun {
 public:
  CalibrationRun(const CalibrateFlags& flags, const Sde& sde, const Score& score)
      : flags_(flags), sde_(sde), score_(score), ids_(static_cast<std::size_t>(flags.paths)) {
    std::iota(ids_.begin(), ids_.end(), 0);
    fresh_ids_ = ids_;
    for (std::uint64_t& id : fresh_ids_) id += ids_.size();
  }

  std::vector<CalibrationResult> run(const std::vector<std::uint64_t>& budgets, bool quiet) {
    Progress progress("calibrating", 0, "trials", {.mode = quiet ? ProgressMode::quiet : ProgressMode::automatic});
    progress.update(0, "the reference");
    const ReferencePaths paths = reference_paths(sde_, score_, seed(), ids_);
    const ReferencePaths fresh = reference_paths(sde_, score_, seed(), fresh_ids_);
    std::vector<CalibrationResult> results;
    double trials = 0;
    for (const std::uint64_t nfe : budgets) {
      const CalibratedPlan plan =
          calibrate(sde_, score_, seed(), ids_, paths, static_cast<int>(nfe), {.tell = [&](const std::string& what) {
                      if (interrupted()) fail(Failure::run, "interrupted; nothing was stored");
                      progress.update(++trials, fmt::format("{} NFE: {}", nfe, what));
                    }});
      results.push_back(judged(plan, static_cast<int>(nfe), fresh.end));
    }
    return results;
  }

 private:
  std::uint64_t seed() const { return static_cast<std::uint64_t>(flags_.seed); }

  Times usual_distances(int nfe, const Batch& end) const {
    DrawPlan plan;
    plan.nfe = nfe;
    const ResolvedPlan usual = resolve(sde_, plan);
    return distances_to_reference(sde_, score_, seed(), fresh_ids_, end, plan.solver, usual.times, true);
  }

  CalibrationResult judged(const CalibratedPlan& plan, int nfe, const Batch& end) const {
    const Times found = distances_to_reference(sde_, score_, seed(), fresh_ids_, end, plan.solver, plan.times, true);
    const Times usual = usual_distances(nfe, end);
    const Times gains = (usual / found).log();
    CalibrationResult result{.row = {nfe, plan.solver, plan.grid, plan.times}};
    const auto size = [](const Times& distances) { return std::sqrt(ordered_mean(distances.square())); };
    result.found = size(found);
    result.usual = size(usual);
    result.gain = ordered_mean(gains);
    result.gain_error = std::sqrt(ordered_mean((gains - result.gain).square()) / static_cast<double>(gains.size() - 1));
    const int stride = std::max(1, nfe / 4);
    for (int budget = nfe + stride; budget <= 4 * nfe && result.matches == 0; budget += stride)
      if (size(usual_distances(budget, end)) <= result.found) result.matches = budget;
    return result;
  }

  const CalibrateFlags& flags_;
  const Sde& sde_;
  const Score& score_;
  std::vector<std::uint64_t> ids_, fresh_ids_;
};

std::string gain_text(const CalibrationResult& r) {
  const double low = std::exp(r.gain - 1.96 * r.gain_error), high = std::exp(r.gain + 1.96 * r.gain_error);
  return fmt::format("{:.2f} ({:.2f} to {:.2f})", std::exp(r.gain), low, high);
}

void show_calibration(const CalibrateFlags& flags, const std::vector<CalibrationResult>& results, double seconds) {
  Table table{{"NFE", "solver", "times", "error", "usual", "usual / calibrated", "as good"}, {}};
  for (const CalibrationResult& r : results)
    table.rows.push_back({std::to_string(r.row.nfe), r.row.solver, r.row.grid, fmt::format("{:.4f}", r.found),
                          fmt::format("{:.4f}", r.usual), gain_text(r),
                          r.matches ? std::to_string(r.matches) : fmt::format("> {}", 4 * r.row.nfe)});
  fmt::print("{}: {} of {} trajectories, {}\n\n{}\n", flags.run, flags.dry ? "not stored; budgets" : "stored; budgets",
             flags.paths, duration_text(seconds), text_table(table));
  fmt::print(
      "Error: root mean square distance to x_0 of the finely solved flow, on other\n"
      "trajectories than the search saw; usual: that of the default sampler. The ratio is\n"
      "a geometric mean with its 95 % interval. As good: the NFE at which the default\n"
      "comes as near.{}\n",
      flags.dry ? "" : fmt::format(" `scoresde sample {} --nfe {}` uses it now.", flags.run, results.front().row.nfe));
}

Json calibration_json(const std::vector<CalibrationResult>& results) {
  Json rows = Json::array();
  for (const CalibrationResult& r : results)
    rows.push_back({{"nfe", r.row.nfe},
                    {"solver", r.row.solver},
                    {"grid", r.row.grid},
                    {"times", r.row.times},
                    {"error", r.found},
                    {"usual_error", r.usual},
                    {"log_gain", r.gain},
                    {"log_gain_error", r.gain_error},
                    {"usual_nfe_as_good", r.matches}});
  return rows;
}

void show_stochastic(const CalibrateFlags& flags, const std::vector<StochasticResult>& results, double seconds) {
  Table table{{"NFE", "solver", "setting", "energy distance", "usual"}, {}};
  const auto text = [](const MetricValue& v) { return fmt::format("{:.4f} ± {:.4f}", v.value, 1.96 * v.error); };
  for (const StochasticResult& r : results)
    table.rows.push_back(
        {std::to_string(r.row.nfe), r.row.solver, r.row.settings.front(), text(r.found), text(r.usual)});
  fmt::print("{}: {}, {} samples, {}\n\n{}\n", flags.run, flags.dry ? "not stored" : "stored", flags.samples,
             duration_text(seconds), text_table(table));
  fmt::print(
      "Energy distance to samples of the finely solved SDE, on other samples than the\n"
      "search saw, with its 95 % interval; usual: that of euler-maruyama.{}\n",
      flags.dry ? ""
                : fmt::format("\n`scoresde sample {} --stochastic --nfe {}` uses it now.", flags.run,
                              results.front().row.nfe));
}

void run_stochastic(const CalibrateFlags& flags, const CommonFlags& common, const std::vector<std::uint64_t>& budgets,
                    const Model& model, const Sde& sde, const Score& score) {
  const Stopwatch watch;
  Progress progress("calibrating", 0, "trials", {.mode = common.quiet ? ProgressMode::quiet : ProgressMode::automatic});
  double trials = 0;
  const auto results = calibrate_stochastic(sde, score, budgets, static_cast<std::size_t>(flags.samples),
                                            static_cast<std::uint64_t>(flags.seed),
                                            [&](const std::string& what) { progress.update(++trials, what); });
  progress.finish();
  if (!flags.dry) {
    std::vector<CalibrationRow> rows;
    for (const StochasticResult& result : results) rows.push_back(result.row);
    store_calibration(flags.run, model, rows);
  }
  if (!common.json) return show_stochastic(flags, results, watch.seconds());
  Json rows = Json::array();
  for (const StochasticResult& r : results)
    rows.push_back({{"nfe", r.row.nfe},
                    {"solver", r.row.solver},
                    {"setting", r.row.settings.front()},
                    {"energy", r.found.value},
                    {"energy_error", r.found.error},
                    {"usual_energy", r.usual.value},
                    {"usual_energy_error", r.usual.error}});
  print_json(rows);
}

void calibrate_run(const CalibrateFlags& flags, const CommonFlags& common) {
  const std::vector<std::uint64_t> budgets = parse_ranges(flags.nfe, "--nfe");
  for (const std::uint64_t nfe : budgets)
    if (nfe < 2 || nfe > 1000)
      fail(Failure::usage, "--nfe {}: budgets of 2 to 1000 evaluations can be calibrated", nfe);
  const Stopwatch watch;
  const Model model = read_model(flags.run);
  const auto sde = make_sde(model.spec.sde);
  catch_interrupts();
  const auto score = load_score(flags.engine, model, -1, thread_count(common));
  if (flags.stochastic) return run_stochastic(flags, common, budgets, model, *sde, *score);
  const auto results = CalibrationRun(flags, *sde, *score).run(budgets, common.quiet);
  if (!flags.dry) {
    std::vector<CalibrationRow> rows;
    for (const CalibrationResult& result : results) rows.push_back(result.row);
    store_calibration(flags.run, model, rows);
  }
  if (common.json) return print_json(calibration_json(results));
  show_calibration(flags, results, watch.seconds());
}

}  // namespace

void add_calibrate(CLI::App& app, CommonFlags& common) {
  static CalibrateFlags flags;
  CLI::App* command = add_command(app, common, "calibrate",
                                  "Solver and times for a budget, found without data; `sample` then uses them.",
                                  "scoresde calibrate runs/fashion --nfe 5,8,10,20");
  command->add_option("run", flags.run, "a run folder or a .safetensors file")->required();
  command->add_option("--nfe", flags.nfe, "budgets: network evaluations a sample")->capture_default_str();
  command->add_option("--paths", flags.paths, "trajectories to search on, and as many to judge by")
      ->check(within(8, 100000))
      ->capture_default_str();
  command->add_option("--seed", flags.seed, "of the trajectories")->check(within(0, 9000000000000000));
  command->add_flag("--stochastic", flags.stochastic,
                    "solvers that draw noise, with their snr, churn or eta, by the law of their samples");
  command->add_option("--samples", flags.samples, "stochastic: samples to search on, and as many to judge by")
      ->check(within(40, 100000))
      ->capture_default_str();
  command->add_flag("--dry-run", flags.dry, "show, but do not store");
  command->add_option("--engine", flags.engine.engine, "fast, torch or auto")
      ->check(CLI::IsMember({"auto", "fast", "torch"}))
      ->capture_default_str();
  command->callback([&common] { calibrate_run(flags, common); });
}

}  // namespace scoresde
