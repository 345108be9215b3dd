#include <algorithm>
#include <cmath>
#include <map>

#include "cli/compare.h"
#include "metrics/estimate.h"

namespace scoresde {
namespace {

constexpr double kPaperSnr[] = {0.01, 0.03, 0.06, 0.1, 0.16, 0.22, 0.3};

/// The predictors of Table 1 of Song et al. (2021).
struct PaperPredictor {
  std::string_view label, solver;
  double eta;
};
constexpr PaperPredictor kPaperPredictors[] = {{"ancestral", "ancestral", -1},
                                               {"reverse diffusion", "reverse-diffusion", -1},
                                               {"probability flow", "reverse-diffusion", 0}};

DrawPlan paper_plan(const PaperPredictor& predictor, int steps, double snr) {
  DrawPlan plan;
  plan.solver = predictor.solver;
  plan.options.eta = predictor.eta;
  plan.nfe = steps + 1;
  if (snr <= 0) return plan;
  plan.solver += "+langevin";
  plan.options.snr = snr;
  plan.nfe = 2 * steps + 1;
  return plan;
}

DrawPlan corrector_plan(int steps, double snr) {
  DrawPlan plan;
  plan.solver = "langevin";
  plan.options.snr = snr;
  plan.options.corrector_steps = 2;
  plan.nfe = 2 * steps + 1;
  return plan;
}

struct SnrSearch {
  double best = 0;
  std::vector<std::pair<double, Distance>> tried;
};

/// The snr with the least distance, of `n` samples each.
SnrSearch search_snr(ComparedModels& models, const ComparedRun& run, const std::string& what,
                     const std::function<DrawPlan(double)>& plan, std::size_t n) {
  SnrSearch search;
  double least = INFINITY;
  std::vector<double> values = models.flags().snr;
  if (values.empty()) values.assign(std::begin(kPaperSnr), std::end(kPaperSnr));
  for (const double snr : values) {
    models.tell(fmt::format("{}: {}, snr {}", run.label, what, snr));
    search.tried.emplace_back(snr, models.distance(run, plan(snr), n));
    const double value = search.tried.back().second.values[kMetricGroups];
    if (value < least) least = value, search.best = snr;
  }
  return search;
}

struct PaperRow {
  Distance p, p2, pc;
  double snr;
};

struct PaperColumns {
  std::vector<PaperRow> rows;
  Distance corrector;
  double corrector_snr;
};

PaperColumns measure_paper_columns(ComparedModels& models, const ComparedRun& run) {
  const int steps = models.flags().steps;
  const std::size_t few = std::max<std::size_t>(200, models.n() / 4);
  PaperColumns columns;
  for (const PaperPredictor& predictor : kPaperPredictors) {
    const auto plan = [&](double snr) { return paper_plan(predictor, steps, snr); };
    const std::string what(predictor.label);
    const double snr = search_snr(models, run, what, plan, std::min(few, models.n())).best;
    models.tell(fmt::format("{}: {}", run.label, what));
    columns.rows.push_back({models.distance(run, paper_plan(predictor, steps, 0)),
                            models.distance(run, paper_plan(predictor, 2 * steps, 0)), models.distance(run, plan(snr)),
                            snr});
  }
  const auto plan = [&](double snr) { return corrector_plan(steps, snr); };
  columns.corrector_snr = search_snr(models, run, "corrector alone", plan, std::min(few, models.n())).best;
  columns.corrector = models.distance(run, plan(columns.corrector_snr));
  return columns;
}

Conclusion conclusion_of(const std::string& claim, const std::string& where, const Distance& worse,
                         const Distance& better) {
  const MetricValue d = difference_of(worse, better);
  return {claim, where, fmt::format("{:+.4f} ± {:.4f}", d.value, 1.96 * d.error), verdict_on(d)};
}

void add_paper_conclusions(Experiment& experiment, const std::string& run, const PaperColumns& columns) {
  for (std::size_t k = 0; k < columns.rows.size(); ++k)
    experiment.conclusions.push_back(conclusion_of("predictor-corrector beats the predictor at equal cost",
                                                   fmt::format("{}, {}", run, kPaperPredictors[k].label),
                                                   columns.rows[k].p2, columns.rows[k].pc));
  const auto worst = std::max_element(columns.rows.begin(), columns.rows.end(), [](const auto& a, const auto& b) {
    return a.p2.values[kMetricGroups] < b.p2.values[kMetricGroups];
  });
  experiment.conclusions.push_back(
      conclusion_of("a corrector alone is worst", run + ", against the worst predictor", columns.corrector, worst->p2));
  experiment.conclusions.push_back(
      conclusion_of("the probability flow is worse than reverse diffusion without a corrector", run, columns.rows[2].p,
                    columns.rows[1].p));
}

Experiment predictors_correctors(ComparedModels& models) {
  const int n = models.flags().steps;
  Experiment experiment;
  for (const ComparedRun& run : models.runs()) {
    const PaperColumns columns = measure_paper_columns(models, run);
    Table table{{"predictor", fmt::format("P{}", n), fmt::format("P{}", 2 * n), fmt::format("C{}", 2 * n),
                 fmt::format("PC{}", n), "snr"},
                {}};
    for (std::size_t k = 0; k < columns.rows.size(); ++k) {
      const PaperRow& row = columns.rows[k];
      table.rows.push_back({std::string(kPaperPredictors[k].label), distance_text(row.p), distance_text(row.p2),
                            k == 0 ? distance_text(columns.corrector) : "", distance_text(row.pc),
                            fmt::format("{:g}", row.snr)});
    }
    experiment.tables.push_back(
        {"Predictors and correctors, " + run.label,
         fmt::format("{} of {} samples; real against real {}. The corrector alone (snr {:g}) has no predictor: one "
                     "cell. P{} and PC{} cost the same. The snr of each is the best of a search on fewer samples.",
                     models.features_label(), models.n(), distance_text(models.floor()), columns.corrector_snr, 2 * n,
                     n),
         table});
    add_paper_conclusions(experiment, run.label, columns);
  }
  return experiment;
}

Experiment snr_search(ComparedModels& models) {
  Experiment experiment;
  for (const ComparedRun& run : models.runs()) {
    Table table{{"snr"}, {}};
    LinePlot plot{.title = "Distance over snr, " + run.label,
                  .x_label = "signal-to-noise ratio r",
                  .y_label = models.features_label(),
                  .x_scale = AxisScale::logarithmic};
    const auto add = [&](const std::string& label, const std::function<DrawPlan(double)>& plan) {
      const SnrSearch search = search_snr(models, run, label, plan, models.n());
      table.header.push_back(label);
      table.rows.resize(search.tried.size());
      plot.series.push_back({.name = label, .markers = true});
      for (std::size_t k = 0; k < search.tried.size(); ++k) {
        const auto& [snr, distance] = search.tried[k];
        if (table.rows[k].empty()) table.rows[k].push_back(fmt::format("{:g}", snr));
        table.rows[k].push_back(distance_text(distance));
        plot.series.back().points.push_back({snr, distance.values[kMetricGroups]});
      }
    };
    for (const PaperPredictor& predictor : kPaperPredictors)
      add("PC " + std::string(predictor.label),
          [&](double snr) { return paper_plan(predictor, models.flags().steps, snr); });
    add("C", [&](double snr) { return corrector_plan(models.flags().steps, snr); });
    experiment.tables.push_back(
        {"Signal-to-noise ratio of the corrector, " + run.label,
         fmt::format("{} of {} samples, {} steps.", models.features_label(), models.n(), models.flags().steps), table});
    experiment.plots.push_back({plot.title, "", plot});
  }
  return experiment;
}

/// Whether the solver makes exactly `nfe` evaluations with its default settings.
std::optional<DrawPlan> plan_of_budget(const SolverEntry& entry, int nfe) {
  const SolverChoice choice(entry.name, {});
  if (choice.evaluations(choice.steps_for_at_least(nfe, true), true) != nfe) return {};
  DrawPlan plan;
  plan.solver = entry.name;
  plan.nfe = nfe;
  return plan;
}

Experiment every_solver(ComparedModels& models) {
  const std::vector<std::uint64_t> budgets = parse_ranges(models.flags().budgets, "--nfe");
  Experiment experiment;
  for (const ComparedRun& run : models.runs()) {
    Table table{{"solver"}, {}};
    for (const std::uint64_t nfe : budgets) table.header.push_back(fmt::format("{} NFE", nfe));
    LinePlot plot{.title = "Quality over cost, " + run.label,
                  .x_label = "seconds a sample",
                  .y_label = models.features_label(),
                  .x_scale = AxisScale::logarithmic,
                  .y_scale = AxisScale::logarithmic};
    for (const SolverEntry& entry : solvers()) {
      if (entry.adaptive || entry.corrector || entry.count(1, {}) == 0) continue;
      table.rows.push_back({std::string(entry.name)});
      Series series{.name = std::string(entry.name), .markers = true};
      for (const std::uint64_t nfe : budgets) {
        const auto plan = plan_of_budget(entry, static_cast<int>(nfe));
        if (!plan) {
          table.rows.back().push_back("-");
          continue;
        }
        models.tell(fmt::format("{}: {}, {} NFE", run.label, entry.name, nfe));
        const Distance distance = models.distance(run, *plan);
        table.rows.back().push_back(distance_text(distance));
        series.points.push_back({distance.seconds, distance.values[kMetricGroups]});
      }
      if (plot.series.size() < 6 && !series.points.empty() && !entry.stochastic) plot.series.push_back(series);
    }
    experiment.tables.push_back(
        {"Solvers, " + run.label,
         fmt::format("{} of {} samples at equal NFE, the final denoising counted; real against real {}.",
                     models.features_label(), models.n(), distance_text(models.floor())),
         table});
    experiment.plots.push_back({plot.title, "", plot});
  }
  return experiment;
}

Experiment tolerances(ComparedModels& models) {
  Experiment experiment;
  for (const ComparedRun& run : models.runs()) {
    Table table{{"tolerance", "NFE", models.features_label(), "against the strictest"}, {}};
    LinePlot plot{.title = "Quality over NFE of RK45, " + run.label,
                  .x_label = "NFE",
                  .y_label = models.features_label(),
                  .x_scale = AxisScale::logarithmic,
                  .series = {{.name = run.label, .markers = true}}};
    std::vector<std::pair<double, Distance>> measured;
    for (const double tolerance : {1e-5, 1e-4, 1e-3, 1e-2, 1e-1}) {
      models.tell(fmt::format("{}: rk45 at {:g}", run.label, tolerance));
      DrawPlan plan;
      plan.solver = "rk45";
      plan.options.rtol = plan.options.atol = tolerance;
      measured.emplace_back(tolerance, models.distance(run, plan));
    }
    const Distance& strict = measured.front().second;
    const auto loose = std::find_if(measured.rbegin(), measured.rend(), [&](const auto& m) {
      const MetricValue d = difference_of(m.second, strict);
      return d.value <= 1.96 * d.error;
    });
    for (const auto& [tolerance, distance] : measured) {
      const MetricValue d = difference_of(distance, strict);
      table.rows.push_back({fmt::format("{:g}", tolerance), fmt::format("{:.1f}", distance.nfe),
                            distance_text(distance), fmt::format("{:+.4f} ± {:.4f}", d.value, 1.96 * d.error)});
      plot.series[0].points.push_back({distance.nfe, distance.values[kMetricGroups]});
    }
    const double saved = 1 - loose->second.nfe / strict.nfe;
    experiment.conclusions.push_back({"a loose tolerance saves 90 % of the evaluations without loss", run.label,
                                      fmt::format("{:.0f} % at {:g}: {:.0f} NFE in place of {:.0f}", 100 * saved,
                                                  loose->first, loose->second.nfe, strict.nfe),
                                      saved >= 0.9 ? "yes" : "no"});
    experiment.tables.push_back({"Tolerance of RK45, " + run.label,
                                 fmt::format("{} of {} samples; real against real {}.", models.features_label(),
                                             models.n(), distance_text(models.floor())),
                                 table});
    experiment.plots.push_back({plot.title, "", plot});
  }
  return experiment;
}

}  // namespace

Experiment likelihoods(ComparedModels&);

namespace {

constexpr ExperimentEntry experiment_table[] = {
    {"predictors-correctors", "predictors, correctors and both at equal cost (Table 1 of Song et al. 2021)",
     predictors_correctors},
    {"likelihood", "bits/dim, and the quality of the flow's samples, of each SDE (Table 2)", likelihoods},
    {"solvers", "every solver at several budgets: quality, NFE and seconds", every_solver},
    {"tolerance", "RK45 at several tolerances (Figure 3)", tolerances},
    {"snr", "the corrector's signal-to-noise ratio (Table 5)", snr_search},
};

}  // namespace

std::span<const ExperimentEntry> experiments() { return experiment_table; }

}  // namespace scoresde
