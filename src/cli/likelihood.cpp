#include "likelihood/likelihood.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "cli/model_flow.h"
#include "core/catalog.h"
#include "core/clock.h"
#include "core/sum.h"
#include "data/augment.h"
#include "data/csv.h"
#include "data/npy.h"
#include "likelihood/dequantise.h"
#include "report/table.h"

namespace scoresde {
namespace {

struct LikelihoodFlags : FlowFlags {
  std::string data, out;
  LikelihoodOptions options;
  BoundOptions bound;
  std::size_t n = 1000;
  long long seed = 0;
  std::string divergence;  // empty: by the dimension
  bool exact = false, with_bound = false;
};

// Everything that is told of the items: a column a quantity, in the unit of the report.
struct ItemTable {
  std::vector<std::string> names;
  Batch values;  // rows x names

  Index column(std::string_view name) const { return std::find(names.begin(), names.end(), name) - names.begin(); }
  double mean(std::string_view name) const { return ordered_mean(values.col(column(name))); }

  /// Standard error of the mean from the spread of the items; NaN of a single one.
  double error(std::string_view name) const {
    const Times of = values.col(column(name));
    const auto n = static_cast<double>(of.size());
    return std::sqrt(ordered_mean((of - ordered_mean(of)).square()) / (n - 1));
  }
};

struct LikelihoodReport {
  ItemTable items;
  std::vector<std::string> parts;  ///< of the total, in their order
  std::string unit;
  bool probe_error_known = false;
  double seconds = 0;
  std::vector<std::string> failures;
};

// What the units of the data add to -log p in model units: for tables p(value) = p(x) / product of the deviations.
double log_deviations(const ModelSpec& spec) {
  double sum = 0;
  for (const double std : spec.column_std) sum += std::log(std);
  return sum;
}

class LikelihoodRun {
 public:
  LikelihoodRun(const LikelihoodFlags& flags, const FlowModel& model, const Dataset& data)
      : flags_(flags),
        model_(model),
        data_(data),
        chosen_(random_subset(data.count, flags.n == 0 ? data.count : flags.n, 0)),
        kind_(data.shape.image ? ItemKind::eight_bit : ItemKind::continuous),
        scale_(data.shape.image ? 1 / (std::numbers::ln2 * static_cast<double>(data.shape.size())) : 1) {
    report_.unit = data.shape.image ? "bits/dim" : "nats";
    report_.parts = {"prior", "divergence", "truncation", data.shape.image ? "dequantisation" : "standardisation"};
    report_.items.names = {"item"};
    for (const std::string& part : report_.parts) report_.items.names.push_back(part);
    for (const char* name : {"total", "probe_error", "nfe"}) report_.items.names.push_back(name);
    if (flags.with_bound)
      for (const char* name : {"bound_prior", "bound_diffusion", "bound_reconstruction", "bound", "bound_error"})
        report_.items.names.push_back(name);
    report_.items.values.resize(static_cast<Index>(chosen_.size()), static_cast<Index>(report_.items.names.size()));
  }

  LikelihoodReport run(bool quiet) {
    const Stopwatch watch;
    Progress progress("likelihood", static_cast<double>(chosen_.size()), "items",
                      {.mode = quiet ? ProgressMode::quiet : ProgressMode::automatic});
    WatchedScore score(*model_.score, progress);
    for (std::size_t first = 0; first < chosen_.size(); first += static_cast<std::size_t>(flags_.batch)) {
      score.start_batch(static_cast<Index>(first));
      const auto numbers = std::span<const std::uint32_t>(chosen_).subspan(
          first, std::min(static_cast<std::size_t>(flags_.batch), chosen_.size() - first));
      add_batch(score, static_cast<Index>(first), numbers);
    }
    report_.probe_error_known = report_.items.values.col(report_.items.column("probe_error")).isFinite().all();
    report_.seconds = watch.seconds();
    return std::move(report_);
  }

 private:
  void add_batch(const Score& score, Index first, std::span<const std::uint32_t> numbers) {
    const Batch x = data_.batch(numbers);
    require_finite(x, flags_.data);
    const std::vector<std::uint64_t> samples(numbers.begin(), numbers.end());
    const NegativeLogLikelihood cost = negative_log_likelihood(*model_.sde, score, x, kind_, samples, flags_.options);
    const double units = kind_ == ItemKind::continuous ? log_deviations(model_.model.spec) : 0;
    const auto count = static_cast<Index>(numbers.size());
    auto rows = report_.items.values.middleRows(first, count);
    Index column = 0;
    const auto add = [&](const Times& values) { rows.col(column++) = values; };
    for (Index i = 0; i < count; ++i) rows(i, 0) = numbers[static_cast<std::size_t>(i)];
    ++column;
    for (const Times& part : {cost.prior, cost.divergence, cost.truncation, Times(cost.dequantisation + units)})
      add(scale_ * part);
    add(rows.col(1) + rows.col(2) + rows.col(3) + rows.col(4));
    add(scale_ * cost.probe_error);
    for (Index i = 0; i < count; ++i) rows(i, column) = cost.evaluations[static_cast<std::size_t>(i)];
    ++column;
    if (flags_.with_bound) {
      const VariationalBound bound = variational_bound(*model_.sde, score, x, kind_, samples, flags_.bound);
      for (const Times& part : {bound.prior, bound.diffusion, Times(bound.reconstruction + units),
                                Times(bound.total() + units), bound.standard_error})
        add(scale_ * part);
    }
    for (std::size_t i = 0; i < numbers.size(); ++i)
      if (!cost.converged[i])
        report_.failures.push_back(fmt::format("item {}: the flow could not be followed to its end", numbers[i]));
  }

  const LikelihoodFlags& flags_;
  const FlowModel& model_;
  const Dataset& data_;
  std::vector<std::uint32_t> chosen_;
  ItemKind kind_;
  double scale_;
  LikelihoodReport report_;
};

Json likelihood_json(const LikelihoodFlags& flags, const LikelihoodReport& report) {
  const ItemTable& items = report.items;
  Json json = {{"data", flags.data}, {"items", items.values.rows()}, {"unit", report.unit}};
  for (const std::string& name : items.names)
    if (name != "item" && name != "probe_error" && name != "bound_error")
      json[name] = {{"mean", items.mean(name)}, {"error", items.error(name)}};
  const double from_probes = std::sqrt(ordered_mean(items.values.col(items.column("probe_error")).square()) /
                                       static_cast<double>(items.values.rows()));
  json["error_from_probes"] = from_probes;  // null where there are too few probes to tell
  json["divergence_estimator"] = flags.options.divergence;
  json["seconds"] = report.seconds;
  json["failures"] = report.failures;
  return json;
}

void print_likelihood(const LikelihoodFlags& flags, const FlowModel& model, const LikelihoodReport& report) {
  const ItemTable& items = report.items;
  const Index count = items.values.rows();
  const FlowOptions& flow = flags.options.flow;
  const bool exact = find_entry("divergence", divergences(), flags.options.divergence).exact;
  fmt::print("{}: {} of {}; {}, {}{}, {}\n\n", flags.data, counted(count, "item"), to_text(model.model.spec.shape),
             model.sde->name(), flow.integrator,
             find_entry("integrator", integrators(), flow.integrator).fixed
                 ? fmt::format(" in {}", counted(flow.steps, "step"))
                 : fmt::format(" at {:g}", flow.tolerance),
             exact ? "exact divergence" : counted(flags.options.probes, flags.options.divergence + " probe"));
  Table table{{"-log p", report.unit}, {}};
  const auto add = [&](const std::string& label, const std::string& name) {
    table.rows.push_back({label, count < 2 ? fmt::format("{:.4f}", items.mean(name))
                                           : fmt::format("{:.4f} ± {:.4f}", items.mean(name), items.error(name))});
  };
  for (const std::string& part : report.parts) add(part, part);
  add("total", "total");
  if (flags.with_bound) add("variational bound", "bound");
  fmt::print("{}\n", text_table(table));
  if (!exact && report.probe_error_known)
    fmt::print("probes alone: ± {:.4f} an item\n",
               std::sqrt(ordered_mean(items.values.col(items.column("probe_error")).square())));
  const auto nfe = items.values.col(items.column("nfe"));
  fmt::print("{:.1f} NFE an item ({} to {}), {} an item\n", ordered_mean(nfe), nfe.minCoeff(), nfe.maxCoeff(),
             duration_text(report.seconds / static_cast<double>(count)));
  if (!flags.out.empty()) fmt::print("every item: {}\n", flags.out);
}

void write_items(const std::string& path, const ItemTable& items) {
  if (path.empty()) return;
  if (path.ends_with(".csv")) return write_csv(path, items.values, items.names);
  write_npy(path, Tensor::of({items.values.rows(), items.values.cols()},
                             std::span(items.values.data(), static_cast<std::size_t>(items.values.size()))));
}

void check_likelihood_flags(const CLI::App& command, LikelihoodFlags& flags, const CommonFlags& common) {
  check_flow_flags(command, flags);
  if (flags.exact) flags.divergence = "exact";
  if (!flags.divergence.empty() && find_entry("divergence", divergences(), flags.divergence).exact &&
      command.count("--probes"))
    fail(Failure::usage, "the exact divergence takes no --probes");
  find_entry("dequantisation", dequantisations(), flags.options.dequantisation);
  if (command.count("--draws") && !flags.with_bound) fail(Failure::usage, "--draws are those of --bound, which is off");
  if (flags.out.empty()) return;
  if (!flags.out.ends_with(".csv") && !flags.out.ends_with(".npy"))
    fail(Failure::usage, "--out {}: a table of items goes to .csv or .npy", flags.out);
  require_free(flags.out, common.force);
}

void measure_likelihood(const CLI::App& command, LikelihoodFlags& flags, const CommonFlags& common) {
  check_likelihood_flags(command, flags, common);
  flags.options.flow = flags.flow;
  flags.options.seed = flags.bound.seed = static_cast<std::uint64_t>(flags.seed);
  catch_interrupts();
  FlowModel model(flags);
  const Dataset data = load_for_model(flags.data, model.model.spec);
  if (!data.shape.image && command.count("--dequantise"))
    fail(Failure::usage, "--dequantise is for 8-bit pictures; {} is a table", flags.data);
  const bool few = data.shape.size() <= 16 && command.count("--probes") == 0;
  flags.options.divergence = !flags.divergence.empty() ? flags.divergence : few ? "exact" : "rademacher";
  model.load(flags, common, ScoreUse::vjps);
  const LikelihoodReport report = LikelihoodRun(flags, model, data).run(common.quiet);
  write_items(flags.out, report.items);
  if (common.json)
    print_json(likelihood_json(flags, report));
  else
    print_likelihood(flags, model, report);
  require_no_failures(report.failures, report.items.values.rows());
}

}  // namespace

void add_likelihood(CLI::App& app, CommonFlags& common) {
  static LikelihoodFlags flags;
  CLI::App* command = add_command(app, common, "likelihood",
                                  "-log p of data: bits/dim of pictures, nats of tables, with what they consist of.",
                                  "scoresde likelihood runs/fashion fashion-mnist#test -n 100 --bound");
  command->add_option("run", flags.run, "a run folder or a .safetensors file")->required();
  command->add_option("data", flags.data, "what to evaluate: see `scoresde list data`, or a path")->required();
  command->add_option("--out", flags.out, "a .csv or .npy of every item: its parts, total, errors and NFE");
  command->add_option("-n", flags.n, "how many items, chosen at random but always the same; 0: all")
      ->check(within(0, 1e9))
      ->capture_default_str();
  auto* divergence =
      command->add_option("--divergence", flags.divergence,
                          "how the divergence is found: see `scoresde list divergences`; default: exact up "
                          "to 16 values an item, else rademacher");
  command->add_flag("--exact", flags.exact, "the same as --divergence exact: D products an evaluation, no error")
      ->excludes(divergence);
  command
      ->add_option("--probes", flags.options.probes,
                   "probe vectors an item, fixed along its path; from 2 on each item has an error of its own")
      ->check(within(1, 65535))
      ->capture_default_str();
  command->add_option("--dequantise", flags.options.dequantisation, "pictures: see `scoresde list dequantisations`")
      ->capture_default_str();
  command->add_flag("--no-truncation", flags.options.as_at_t_min,
                    "take data as if they lay at t_min, as published numbers do: neither bound nor likelihood");
  command->add_flag("--bound", flags.with_bound, "the variational bound of the SDE beside it");
  command->add_option("--draws", flags.bound.samples, "times an item at which the bound is evaluated")
      ->check(within(2, 65535))
      ->capture_default_str();
  command->add_option("--seed", flags.seed, "seed of probes, dequantisation and the bound; item k is always the same")
      ->check(within(0, 9000000000000000))
      ->capture_default_str();
  add_flow_flags(*command, flags);
  command->add_flag("--force", common.force, "overwrite what stands at --out");
  command->callback([command, &common] { measure_likelihood(*command, flags, common); });
}

}  // namespace scoresde
