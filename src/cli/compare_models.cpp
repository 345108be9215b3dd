#include <cmath>

#include "cli/compare.h"
#include "cli/model_score.h"
#include "data/image.h"
#include "metrics/estimate.h"

namespace scoresde {
namespace {

std::vector<ComparedRun> opened(const CompareFlags& flags, const CommonFlags& common) {
  std::vector<ComparedRun> runs;
  for (const std::string& path : flags.runs) {
    ComparedRun run{path, {}, read_model(path), {}, {}};
    run.sde = make_sde(run.model.spec.sde);
    run.label = std::string(run.sde->name());
    for (const ComparedRun& other : runs)
      if (other.label == run.label) run.label += " " + path;
    if (!runs.empty() && !(runs.front().model.spec.shape == run.model.spec.shape))
      fail(Failure::usage, "{} makes {} and {} {}: one data set cannot serve both", runs.front().path,
           to_text(runs.front().model.spec.shape), path, to_text(run.model.spec.shape));
    run.score = load_score({}, std::move(run.model), -1, thread_count(common));
    runs.push_back(std::move(run));
  }
  return runs;
}

}  // namespace

MetricValue estimate_of(const Distance& distance) {
  return jackknife([&](Index g) { return distance.values[g < 0 ? kMetricGroups : g]; });
}

MetricValue difference_of(const Distance& a, const Distance& b) { return estimate_of(Distance{a.values - b.values}); }

std::string verdict_on(const MetricValue& difference) {
  if (std::abs(difference.value) <= 1.96 * difference.error) return "undecided";
  return difference.value > 0 ? "yes" : "no";
}

std::string distance_text(const Distance& distance) {
  const MetricValue v = estimate_of(distance);
  const int digits = std::abs(v.value) < 1 ? 4 : std::abs(v.value) < 10 ? 3 : 2;
  return fmt::format("{:.{}f} ± {:.{}f}", v.value, digits, 1.96 * v.error, digits);
}

ComparedModels::ComparedModels(const CompareFlags& flags, const CommonFlags& common)
    : flags_(flags),
      common_(common),
      real_(load_dataset(flags.against)),
      n_(std::min(flags.n, real_.count / 2)),
      runs_(opened(flags, common)),
      features_(make_features(flags.features, {.real = real_, .threads = thread_count(common)})),
      progress_("comparing", 0, "cells", {.mode = common.quiet ? ProgressMode::quiet : ProgressMode::automatic}) {
  if (n_ < 40) fail(Failure::usage, "{} has {} items; at least 80 are needed", flags.against, real_.count);
  if (!(real_.shape == runs_.front().model.spec.shape))
    fail(Failure::data, "{} makes items of {} and {} has {}", runs_.front().path,
         to_text(runs_.front().model.spec.shape), flags.against, to_text(real_.shape));
  const auto moments = [&](std::size_t part) {
    return std::make_unique<GroupedMoments>((*features_.space)(chosen_rows(real_, n_, part, real_)));
  };
  reference_ = moments(0);
  other_ = moments(1);
}

Distance ComparedModels::distance(const ComparedRun& run, DrawPlan plan, std::size_t n) {
  if (n == 0) n = n_;
  plan.seed = static_cast<std::uint64_t>(flags_.seed);
  plan.ids.clear();
  for (std::size_t k = 0; k < n; ++k) plan.ids.push_back(k);
  GroupedMoments moments(features_.space->dimension(), static_cast<Index>(n));
  const DrawSummary summary = draw(*run.sde, *run.score, plan, true, [&](const DrawnBatch& batch) {
    moments.add((*features_.space)(as_compared(batch.samples.x, run.model.spec, &real_)));
  });
  if (!summary.failures.empty())
    fail(Failure::numerical, "{} by {}: {} of {} samples failed; {}", run.path, plan.solver, summary.failures.size(), n,
         summary.failures.front());
  return {frechet_distances(moments, *reference_), summary.mean_nfe, summary.seconds / static_cast<double>(n)};
}

Distance ComparedModels::floor() const { return {frechet_distances(*other_, *reference_)}; }

}  // namespace scoresde
