
#include "cli/app.h"
#include "core/catalog.h"
#include "data/named_sets.h"
#include "features/features.h"
#include "inverse/method.h"
#include "likelihood/dequantise.h"
#include "likelihood/divergence.h"
#include "metrics/metric.h"
#include "net/net_config.h"
#include "net/preconditioning.h"
#include "net/presets.h"
#include "objective/objective_config.h"
#include "objective/time_sampling.h"
#include "objective/weighting.h"
#include "ode/ode.h"
#include "report/table.h"
#include "sampler/solver.h"
#include "sde/grid.h"
#include "sde/sde.h"

namespace scoresde {
namespace {

// Every table of the library as rows of text.
template <class Entry>
Table named_table(std::string_view member, std::span<const Entry> entries) {
  Table table{{std::string(member), "what it is"}, {}};
  for (const auto& entry : entries) table.rows.push_back({std::string(entry.name), std::string(entry.summary)});
  return table;
}

Table solver_table() {
  Table table{{"solver", "kind", "order", "grid", "what it is"}, {}};
  for (const SolverEntry& entry : solvers())
    table.rows.push_back({std::string(entry.name),
                          entry.corrector    ? "corrector"
                          : entry.stochastic ? "stochastic"
                                             : "ODE",
                          entry.order > 0 ? fmt::format("{:g}", entry.order) : "-",
                          entry.corrector ? "-" : std::string(entry.grid), std::string(entry.summary)});
  return table;
}

Table metric_list() {
  Table table{{"metric", "ideal", "cost", "what it is"}, {}};
  for (const MetricEntry& entry : metrics())
    table.rows.push_back({std::string(entry.name), fmt::format("{:g}", entry.ideal), std::string(entry.cost),
                          std::string(entry.summary)});
  return table;
}

Table setting_table() {
  Table table{{"setting", "default", "what it is"}, {}};
  for_each_setting(SolverOptions{}, [&](const std::string& name, const Json& value, std::string_view help, Range) {
    std::vector<std::string_view> readers;
    for (const SolverEntry& entry : solvers())
      if (entry.reads_setting(name)) readers.push_back(entry.name);
    table.rows.push_back({name, shown(value), std::string(help) + (readers.empty() ? "" : "; for " + join(readers))});
  });
  return table;
}

Table operator_table() {
  Table table{{"operator", "settings", "what it is"}, {}};
  for (const OperatorEntry& entry : operators())
    table.rows.push_back(
        {std::string(entry.name),
         fmt::format("{}{}{}", entry.inputs, entry.inputs.empty() || entry.reads.empty() ? "" : " ", entry.reads),
         std::string(entry.summary)});
  return table;
}

Table method_list() {
  Table table{{"method", "needs", "settings", "what it is"}, {}};
  for (const MethodEntry& entry : methods())
    table.rows.push_back(
        {std::string(entry.name), needs_text(entry), std::string(entry.reads), std::string(entry.summary)});
  return table;
}

struct ListEntry {
  std::string_view name;
  Table (*table)();
};
constexpr ListEntry kinds[] = {
    {"sdes", [] { return named_table("SDE", sdes()); }},
    {"solvers", solver_table},
    {"settings", setting_table},
    {"grids", [] { return named_table("time grid", grids()); }},
    {"integrators", [] { return named_table("integrator", integrators()); }},
    {"divergences", [] { return named_table("divergence", divergences()); }},
    {"dequantisations", [] { return named_table("dequantisation", dequantisations()); }},
    {"nets", [] { return named_table("network", nets()); }},
    {"predictions", [] { return named_table("prediction", predictions()); }},
    {"objectives", [] { return named_table("objective", objectives()); }},
    {"weightings", [] { return named_table("weighting", weightings()); }},
    {"time-samplings", [] { return named_table("time sampling", time_samplings()); }},
    {"operators", operator_table},
    {"methods", method_list},
    {"metrics", metric_list},
    {"features", [] { return named_table("feature space", feature_spaces()); }},
    {"presets", [] { return named_table("preset", presets()); }},
    {"data", [] { return named_table("data set", named_sets()); }},
};

Json rows_of(const Table& table) {
  Json rows = Json::array();
  for (const auto& row : table.rows) {
    Json json;
    for (std::size_t k = 0; k < row.size(); ++k)
      json[k == 0 ? "name" : k + 1 == row.size() ? "summary" : table.header[k]] = row[k];
    rows.push_back(json);
  }
  return rows;
}

void show_list(const std::string& kind, const CommonFlags& common) {
  const std::span<const ListEntry> all(kinds);
  const auto chosen = kind.empty() ? all : std::span(&find_entry("list", all, kind), 1);
  Json json;
  for (const ListEntry& entry : chosen) {
    if (common.json)
      json[std::string(entry.name)] = rows_of(entry.table());
    else
      fmt::print("{}{}:\n{}", entry.name == chosen.front().name ? "" : "\n", entry.name, text_table(entry.table()));
  }
  if (common.json) return print_json(json);
  if (chosen.size() > 1)
    fmt::print(
        "\nA corrector is joined to a predictor with '+': --solver reverse-diffusion+langevin\n"
        "Settings are those of the solvers: --set eta=0.5\n");
}

}  // namespace

void add_list(CLI::App& app, CommonFlags& common) {
  static std::string kind;
  CLI::App* command =
      add_command(app, common, "list", "Every member of every table: SDEs, solvers, networks and the rest.",
                  "scoresde list solvers");
  std::vector<std::string_view> names;
  for (const ListEntry& entry : kinds) names.push_back(entry.name);
  command->add_option("kind", kind, "one of " + join(names));
  command->callback([&common] { show_list(kind, common); });
}

}  // namespace scoresde
