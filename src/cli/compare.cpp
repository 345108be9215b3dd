#include "cli/compare.h"

#include "core/catalog.h"
#include "core/clock.h"

namespace scoresde {
namespace {

Table conclusion_table(const std::vector<Conclusion>& conclusions) {
  Table table{{"the paper says", "where", "measured", "holds"}, {}};
  for (const Conclusion& v : conclusions) table.rows.push_back({v.claim, v.where, v.measured, v.holds});
  return table;
}

constexpr std::string_view kIntervalNote =
    "± is the half width of a 95 % confidence interval, by leaving out each of 20 groups of samples and of real items.";

std::string markdown_of(const Experiment& experiment) {
  std::string page;
  for (const ReportTable& table : experiment.tables)
    page += fmt::format("### {}\n\n{}\n\n{}\n", table.title, table.note, markdown_table(table.table));
  if (!experiment.conclusions.empty()) page += markdown_table(conclusion_table(experiment.conclusions)) + "\n";
  return page + std::string(kIntervalNote) + "\n";
}

ReportData page_of(const ExperimentEntry& entry, const ComparedModels& models, const Experiment& experiment) {
  ReportData page{.title = std::string(entry.name), .subtitle = std::string(entry.summary) + "."};
  for (const ComparedRun& run : models.runs())
    page.facts.push_back({run.label, fmt::format("{} ({})", run.path, run.model.hash.substr(0, 8))});
  page.facts.push_back({"real data", models.flags().against});
  page.facts.push_back({"samples a cell", std::to_string(models.n())});
  page.tables = experiment.tables;
  page.plots = experiment.plots;
  if (!experiment.conclusions.empty())
    page.tables.push_back(
        {"The paper's conclusions", std::string(kIntervalNote), conclusion_table(experiment.conclusions)});
  page.versions = {{"scoresde", SCORESDE_VERSION}};
  return page;
}

Json json_of(const Table& table) {
  Json rows = Json::array();
  for (const auto& row : table.rows) {
    Json json = Json::object();
    for (std::size_t k = 0; k < row.size(); ++k) json[table.header[k]] = row[k];
    rows.push_back(json);
  }
  return rows;
}

Json json_of(const Experiment& experiment) {
  Json json = {{"tables", Json::array()}, {"conclusions", Json::array()}};
  for (const ReportTable& table : experiment.tables)
    json["tables"].push_back({{"title", table.title}, {"note", table.note}, {"rows", json_of(table.table)}});
  for (const Conclusion& v : experiment.conclusions)
    json["conclusions"].push_back(
        {{"claim", v.claim}, {"where", v.where}, {"measured", v.measured}, {"holds", v.holds}});
  return json;
}

void compare_runs(CompareFlags& flags, const CommonFlags& common) {
  const ExperimentEntry& entry = find_entry("table", experiments(), flags.table);
  for (const std::string& path : {flags.markdown, flags.html})
    if (!path.empty()) require_free(path, common.force);
  catch_interrupts();
  if (flags.against.empty()) flags.against = read_model(flags.runs.front()).spec.data;
  ComparedModels models(flags, common);
  const Stopwatch watch;
  const Experiment experiment = entry.run(models);
  if (!flags.markdown.empty()) write_atomically(flags.markdown, markdown_of(experiment));
  if (!flags.html.empty()) write_report(flags.html, page_of(entry, models, experiment));
  if (common.json) return print_json(json_of(experiment));
  for (const ReportTable& table : experiment.tables)
    fmt::print("{}\n{}\n\n{}\n", table.title, wrapped_text(table.note, 80), text_table(table.table));
  if (!experiment.conclusions.empty()) fmt::print("{}\n", text_table(conclusion_table(experiment.conclusions)));
  fmt::print("{}\n{}\n", wrapped_text(std::string(kIntervalNote), 80), duration_text(watch.seconds()));
}

}  // namespace

void add_compare(CLI::App& app, CommonFlags& common) {
  static CompareFlags flags;
  CLI::App* command =
      add_command(app, common, "compare", "The experiments of Song et al. (2021) on your own models, with intervals.",
                  "scoresde compare runs/ve runs/vp runs/sub-vp --table predictors-correctors\n"
                  "  scoresde compare runs/fashion --table solvers --nfe 5,10,20 --html solvers.html");
  command->add_option("runs", flags.runs, "runs on the same data, such as one an SDE")->required();
  std::string names;
  for (const ExperimentEntry& entry : experiments())
    names += fmt::format("{}{}: {}", names.empty() ? "" : "; ", entry.name, entry.summary);
  command->add_option("--table", flags.table, names)->capture_default_str();
  command->add_option("--against", flags.against, "real data; default: what the first run was trained on");
  command->add_option("--features", flags.features, "the space of distances: see `scoresde list features`")
      ->capture_default_str();
  command->add_option("-n", flags.n, "samples a cell")->check(within(40, 1e6))->capture_default_str();
  command->add_option("--steps", flags.steps, "N of predictors-correctors and snr; the paper's is 1000")
      ->check(within(2, 100000))
      ->capture_default_str();
  command->add_option("--nfe", flags.budgets, "solvers: budgets")->capture_default_str();
  command->add_option("--snr", flags.snr, "values to search over; default: 0.01 to 0.3")
      ->delimiter(',')
      ->check(within(1e-6, 10));
  command->add_option("--test", flags.test, "likelihood: held-out data; default: what training at seed 0 holds out");
  command->add_option("--items", flags.items, "likelihood: how many")->check(within(2, 1e6))->capture_default_str();
  command->add_option("--seed", flags.seed, "of all noise")->check(within(0, 9000000000000000));
  command->add_option("--markdown", flags.markdown, "write the tables as a page")->check(ends_in(".md"));
  command->add_option("--html", flags.html, "write tables and plots as a page")->check(ends_in(".html"));
  command->add_flag("--force", common.force, "overwrite what stands there");
  command->callback([&common] { compare_runs(flags, common); });
}

}  // namespace scoresde
