#include <algorithm>
#include <cmath>

#include "cli/evaluate.h"
#include "cli/torch_backend.h"
#include "core/catalog.h"
#include "core/parallel.h"
#include "features/statistics_file.h"
#include "metrics/estimate.h"
#include "metrics/metric.h"
#include "report/table.h"

namespace scoresde {
namespace {

/// Toys are drawn afresh, at a seed that no training uses unless it is asked to.
constexpr std::uint64_t kFreshToySeed = 0xF2E5;
constexpr double kConfidence95 = 1.96;
constexpr std::size_t kUsualItems = 1000;

/// At least 2 n real items where there are that many: toys give as many as they are asked for.
Dataset real_items(const EvaluateFlags& flags) {
  const std::size_t most = 2 * (flags.n ? flags.n : kUsualItems);
  Dataset data = load_dataset(flags.against, {.seed = kFreshToySeed});
  return data.count >= most ? data : load_dataset(flags.against, {.most = most, .seed = kFreshToySeed});
}

std::vector<const MetricEntry*> chosen_metrics(const std::string& names, Index dimension) {
  std::vector<const MetricEntry*> chosen;
  for (const std::string& name : split(names, ',')) chosen.push_back(&find_entry("metric", metrics(), name));
  if (!chosen.empty()) return chosen;
  for (const MetricEntry& entry : metrics())
    if (dimension <= entry.default_dimension) chosen.push_back(&entry);
  return chosen;
}

bool want_moments(const std::vector<const MetricEntry*>& chosen) {
  return std::any_of(chosen.begin(), chosen.end(), [](const MetricEntry* entry) { return entry->of_moments; });
}

struct MetricResult {
  const MetricEntry* entry;
  MetricValue samples, floor;
};

struct Comparison {
  std::size_t n = 0;
  FeatureIdentity features;
  Index dimension = 0;
  std::vector<MetricResult> results;
};

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

/// The name FID belongs to one network's features.
std::string metric_label(const MetricEntry& entry, const FeatureIdentity& features) {
  if (!entry.name.starts_with("fd")) return std::string(entry.name);
  const std::string tail(entry.name.substr(2));
  return (features.name == "inception" ? "FID" : "FD[" + features.name + "]") + tail;
}

void show_comparison(const EvaluateFlags& flags, const Comparison& c, bool with_floor) {
  fmt::print("{} against {}\n{} of {} [{}]\n\n", flags.samples, flags.against,
             counted(static_cast<long long>(c.n), "item"), counted(c.dimension, "value"), c.features.name);
  Table table{{"metric", "samples", "real against real", "ideal", "p"}, {}};
  for (const MetricResult& r : c.results)
    table.rows.push_back({metric_label(*r.entry, c.features), interval_text(r.samples.value, r.samples.error),
                          interval_text(r.floor.value, r.floor.error), fmt::format("{:g}", r.entry->ideal),
                          p_text(r.samples.p_value)});
  fmt::print("{}\n± is the half width of a 95 % confidence interval.", text_table(table));
  if (with_floor)
    fmt::print(
        " Real against real compares\ntwo disjoint sets of as many real items: no model can be expected to do better.\n"
        "p: how often two samples of one law would differ as much.\n");
  else
    fmt::print("\n");
  if (with_floor && c.n > kMostPairRows)
    fmt::print("Metrics of pairs look at the first {} of each.\n", grouped(kMostPairRows));
}

void report_comparison(const EvaluateFlags& flags, const CommonFlags& common, const Comparison& c, bool with_floor) {
  if (!common.json) return show_comparison(flags, c, with_floor);
  Json json = {{"samples", flags.samples}, {"against", flags.against},        {"n", c.n},
               {"space", c.features.name}, {"features", to_json(c.features)}, {"metrics", Json::object()}};
  for (const MetricResult& r : c.results) {
    Json& entry = json["metrics"][std::string(r.entry->name)];
    entry = {{"label", metric_label(*r.entry, c.features)}, {"samples", estimate_json(r.samples)}};
    if (with_floor) entry["real"] = estimate_json(r.floor);
    entry["ideal"] = r.entry->ideal;
  }
  print_json(json);
}

Features features_of(const EvaluateFlags& flags, const CommonFlags& common, const Dataset& real) {
  return make_features(flags.features.empty() ? "pixels" : flags.features,
                       {.real = real,
                        .threads = thread_count(common),
                        .load_torchscript = [&](const std::string& file, const ItemShape& shape) {
                          return torch_backend().load_features(file, shape, thread_count(common));
                        }});
}

GatherPlan gather_plan(const EvaluateFlags& flags, const CommonFlags& common, const Subject& subject,
                       const FeatureIdentity& features, std::size_t n, bool moments) {
  return {.n = n,
          .moments = moments,
          .quiet = common.quiet,
          .label = "samples",
          .work = flags.work,
          .identity = {{"items", subject.identity()}, {"features", to_json(features)}, {"n", n}}};
}

void require_shape(const EvaluateFlags& flags, const ItemShape& samples, const ItemShape& real) {
  if (!(samples == real))
    fail(Failure::data, "{} has items of {} and {} of {}: they cannot be compared", flags.samples, to_text(samples),
         flags.against, to_text(real));
}

/// Against a statistics file only a Frechet distance can be had, and no floor.
void compare_with_statistics(EvaluateFlags& flags, const CommonFlags& common) {
  const FeatureStatistics statistics = read_statistics(flags.against);
  for (const std::string& name : split(flags.metrics, ','))
    if (name != "fd") fail(Failure::usage, "--metrics {}: statistics give the metric fd alone", name);
  Subject subject(flags, common);
  Dataset form;
  form.name = flags.samples;
  form.shape = subject.shape();
  const Features features = features_of(flags, common, form);
  require_same_features(statistics, features.identity, features.space->dimension(), flags.against);
  const std::size_t n = std::min(flags.n ? flags.n : kUsualItems, subject.most());
  if (n < 40) fail(Failure::usage, "fd: {} items are too few; at least 40 are needed", n);
  const Gathered samples =
      gather(subject.items(nullptr), *features.space, gather_plan(flags, common, subject, features.identity, n, true));
  if (!samples.moments) return;
  const Times values = frechet_distances(*samples.moments, statistics.moments);
  Comparison c{n, features.identity, features.space->dimension(), {}};
  c.results.push_back({&find_entry("metric", metrics(), "fd"),
                       jackknife([&](Index g) { return values[g < 0 ? kMetricGroups : g]; }),
                       {std::nan(""), std::nan("")}});
  report_comparison(flags, common, c, false);
}

void measure_all(Comparison& c, const Gathered& samples, const Gathered& reference, const Gathered& other,
                 int threads) {
  parallel_for(2 * c.results.size(), threads, [&](std::size_t i) {
    MetricResult& result = c.results[i / 2];
    const Gathered& judged = i % 2 ? other : samples;
    (i % 2 ? result.floor : result.samples) =
        result.entry->of_moments ? result.entry->of_moments(*judged.moments, *reference.moments)
                                 : measure(*result.entry, {.samples = judged.rows, .reference = reference.rows});
  });
}

}  // namespace

std::string interval_text(double value, double error) {
  return std::isnan(value) ? std::string("-") : fmt::format("{:.4f} ± {:.4f}", value, kConfidence95 * error);
}

void compare_with_data(EvaluateFlags& flags, const CommonFlags& common) {
  chosen_metrics(flags.metrics, 1);  // a wrong name is told before anything is drawn
  if (is_statistics_file(flags.against)) return compare_with_statistics(flags, common);
  const Dataset real = real_items(flags);
  Subject subject(flags, common);
  require_shape(flags, subject.shape(), real.shape);
  const std::size_t n = std::min({flags.n ? flags.n : kUsualItems, real.count / 2, subject.most()});
  const Features features = features_of(flags, common, real);
  Comparison c{n, features.identity, features.space->dimension(), {}};
  if (!real.shape.image) c.features.name = "columns";
  const auto chosen = chosen_metrics(flags.metrics, c.dimension);
  if (n < 40) fail(Failure::usage, "{} items are too few; at least 40 are needed", n);
  GatherPlan plan = gather_plan(flags, common, subject, features.identity, n, want_moments(chosen));
  const Gathered samples = gather(subject.items(&real), *features.space, plan);
  if (samples.rows.size() == 0) return;  // another rank reports
  plan.work.clear();
  plan.label = "real items";
  const auto gather_real = [&](std::size_t part) {
    const Batch rows = chosen_rows(real, n, part, real);
    return gather([&](std::size_t first, std::size_t count) -> Batch { return rows.middleRows(first, count); },
                  *features.space, plan);
  };
  const Gathered reference = gather_real(0), other = gather_real(1);
  for (const MetricEntry* entry : chosen) c.results.push_back({entry, {}, {}});
  measure_all(c, samples, reference, other, thread_count(common));
  report_comparison(flags, common, c, true);
}

void save_statistics(EvaluateFlags& flags, const CommonFlags& common) {
  require_free(flags.statistics, common.force);
  Subject subject(flags, common);
  const bool drawn = is_model(flags.samples);
  Dataset real;
  if (!drawn) real = load_dataset(flags.samples);
  real.shape = subject.shape();
  const Features features = features_of(flags, common, real);
  const std::size_t n =
      drawn ? (flags.n ? flags.n : kUsualItems) : std::min(flags.n ? flags.n : real.count, real.count);
  if (n < 2) fail(Failure::usage, "statistics need at least 2 items");
  const Gathered gathered =
      gather(subject.items(nullptr), *features.space, gather_plan(flags, common, subject, features.identity, n, true));
  if (!gathered.moments) return;
  write_statistics(flags.statistics, {gathered.moments->total(), features.identity,
                                      drawn ? subject.identity()["model"].get<std::string>() : data_digest(real)});
  if (common.json) return print_json({{"out", flags.statistics}, {"n", n}, {"features", to_json(features.identity)}});
  fmt::print("{}: mean and covariance of {} features [{}] of {}\n", flags.statistics, features.space->dimension(),
             features.identity.name, counted(static_cast<long long>(n), "item"));
}

}  // namespace scoresde
