#include <algorithm>
#include <cmath>

#include "cli/evaluate.h"
#include "cli/outputs.h"
#include "core/catalog.h"
#include "core/parallel.h"
#include "metrics/metric.h"
#include "report/table.h"

namespace scoresde {
namespace {

/// Toys are drawn afresh, at a seed that no training uses unless it is asked to.
constexpr std::uint64_t kFreshToySeed = 0xF2E5;

/// Rows of a data set in its own units: columns as the file has them, pixels in [-1, 1].
Batch raw_rows(const Dataset& data, const std::vector<std::uint32_t>& which) {
  if (data.shape.image) return data.batch(which);
  Batch rows(static_cast<Index>(which.size()), data.shape.size());
  for (Index i = 0; i < rows.rows(); ++i) {
    const auto row = data.row(which[static_cast<std::size_t>(i)]);
    for (Index j = 0; j < rows.cols(); ++j) rows(i, j) = row[static_cast<std::size_t>(j)];
  }
  return rows;
}

/// `n` items of a data set chosen at random (files may be sorted), the `part`-th such choice: parts are disjoint.
Batch chosen_rows(const Dataset& data, std::size_t n, std::size_t part, std::uint64_t seed) {
  const auto order = permutation(seed, Purpose::subset, 0, static_cast<std::uint32_t>(data.count));
  const auto first = order.begin() + static_cast<std::ptrdiff_t>(part * n);
  return raw_rows(data, {first, first + static_cast<std::ptrdiff_t>(n)});
}

/// What is compared: all of one size, tables in standard deviations of the real columns.
struct ComparedRows {
  Batch samples, reference, other_real;
  bool image = false;
};

/// At least 2 n real items where there are that many: toys give as many as they are asked for.
Dataset real_items(const EvaluateFlags& flags) {
  Dataset data = load_dataset(flags.against, {.seed = kFreshToySeed});
  return data.count >= 2 * flags.n ? data : load_dataset(flags.against, {.most = 2 * flags.n, .seed = kFreshToySeed});
}

ComparedRows compared_rows(EvaluateFlags& flags, const CommonFlags& common) {
  const Dataset real = real_items(flags);
  flags.n = std::min(flags.n, real.count / 2);
  ComparedRows rows;
  rows.image = real.shape.image;
  const auto require_shape = [&](const ItemShape& shape) {
    if (shape == real.shape) return;
    fail(Failure::data, "{} has items of {} and {} of {}: they cannot be compared", flags.samples, to_text(shape),
         flags.against, to_text(real.shape));
  };
  if (is_model(flags.samples)) {
    const Model model = read_model(flags.samples);
    require_shape(model.spec.shape);
    rows.samples = to_data_units(drawn_rows(model, flags, common), model.spec);
  } else {
    const Dataset samples = load_dataset(flags.samples);
    require_shape(samples.shape);
    flags.n = std::min(flags.n, samples.count);
    rows.samples = chosen_rows(samples, flags.n, 0, 0);
  }
  rows.reference = chosen_rows(real, flags.n, 0, 0);
  rows.other_real = chosen_rows(real, flags.n, 1, 0);
  if (real.shape.image) return rows;
  for (Batch* part : {&rows.samples, &rows.reference, &rows.other_real})
    for (Index j = 0; j < part->cols(); ++j) {
      const auto column = static_cast<std::size_t>(j);
      part->col(j) = (part->col(j) - real.column_mean[column]) / real.column_std[column];
    }
  return rows;
}

std::vector<const MetricEntry*> chosen_metrics(const std::string& names, Index dimension) {
  std::vector<const MetricEntry*> chosen;
  for (const std::string& name : split(names, ',')) chosen.push_back(&find_entry("metric", metrics(), name));
  if (!chosen.empty()) return chosen;
  for (const MetricEntry& entry : metrics())
    if (dimension <= entry.default_dimension) chosen.push_back(&entry);
  return chosen;
}

struct MetricResult {
  const MetricEntry* entry;
  MetricValue samples, floor;
};

constexpr double kConfidence95 = 1.96;

std::string interval_text(const MetricValue& e) {
  return std::isnan(e.value) ? std::string("-") : fmt::format("{:.4f} ± {:.4f}", e.value, kConfidence95 * e.error);
}

std::string p_text(double p) { return std::isnan(p) ? "-" : p < 0.001 ? "< 0.001" : fmt::format("{:.3f}", p); }

Json estimate_json(const MetricValue& e) {
  if (std::isnan(e.value)) return nullptr;
  Json json = {{"value", e.value},
               {"error", e.error},
               {"low", e.value - kConfidence95 * e.error},
               {"high", e.value + kConfidence95 * e.error}};
  if (!std::isnan(e.p_value)) json["p_value"] = e.p_value;
  return json;
}

void show_comparison(const EvaluateFlags& flags, const ComparedRows& rows, const std::vector<MetricResult>& results) {
  const std::string space = rows.image ? "pixels" : "standardised columns";
  fmt::print("{} against {}\n{} of {} [{}]\n\n", flags.samples, flags.against,
             counted(static_cast<long long>(rows.samples.rows()), "item"), counted(rows.samples.cols(), "value"),
             space);
  Table table{{"metric", "samples", "real against real", "ideal", "p"}, {}};
  for (const MetricResult& r : results)
    table.rows.push_back({std::string(r.entry->name), interval_text(r.samples), interval_text(r.floor),
                          fmt::format("{:g}", r.entry->ideal), p_text(r.samples.p_value)});
  fmt::print("{}", text_table(table));
  fmt::print(
      "\n± is the half width of a 95 % confidence interval. Real against real compares\n"
      "two disjoint sets of as many real items: no model can be expected to do better.\n"
      "p: how often two samples of one law would differ as much.\n");
}

}  // namespace

void compare_with_data(EvaluateFlags& flags, const CommonFlags& common) {
  chosen_metrics(flags.metrics, 1);  // a wrong name is told before anything is drawn
  const ComparedRows rows = compared_rows(flags, common);
  std::vector<MetricResult> results;
  for (const MetricEntry* entry : chosen_metrics(flags.metrics, rows.samples.cols()))
    results.push_back({entry, {}, {}});
  parallel_for(2 * results.size(), thread_count(common), [&](std::size_t i) {
    MetricResult& result = results[i / 2];
    (i % 2 ? result.floor : result.samples) =
        measure(*result.entry, {.samples = i % 2 ? rows.other_real : rows.samples, .reference = rows.reference});
  });
  if (!common.json) return show_comparison(flags, rows, results);
  Json json = {{"samples", flags.samples},
               {"against", flags.against},
               {"n", rows.samples.rows()},
               {"space", rows.image ? "pixels" : "columns"},
               {"metrics", Json::object()}};
  for (const MetricResult& r : results)
    json["metrics"][std::string(r.entry->name)] = {
        {"samples", estimate_json(r.samples)}, {"real", estimate_json(r.floor)}, {"ideal", r.entry->ideal}};
  print_json(json);
}

}  // namespace scoresde
