#include <cmath>

#include "cli/compare.h"
#include "cli/model_flow.h"
#include "core/sum.h"
#include "data/augment.h"
#include "likelihood/likelihood.h"
#include "metrics/estimate.h"

namespace scoresde {
namespace {

/// -log p of each item: bits/dim of pictures, nats of tables (in model units).
Times costs_of(ComparedModels& models, const ComparedRun& run, const Dataset& data,
               std::span<const std::uint32_t> chosen) {
  FlowFlags flags;
  flags.run = run.path;
  flags.engine.engine = "torch";
  FlowModel model(flags);
  model.load(flags, models.common());
  const double unit = data.shape.image ? 1 / (std::log(2.0) * static_cast<double>(data.shape.size())) : 1;
  Times costs(static_cast<Index>(chosen.size()));
  constexpr std::size_t together = 32;
  for (std::size_t first = 0; first < chosen.size(); first += together) {
    const auto numbers = chosen.subspan(first, std::min(together, chosen.size() - first));
    const std::vector<std::uint64_t> ids(numbers.begin(), numbers.end());
    models.tell(fmt::format("{}: likelihood, item {} of {}", run.label, first, chosen.size()));
    if (interrupted()) fail(Failure::run, "interrupted");
    costs.segment(static_cast<Index>(first), static_cast<Index>(numbers.size())) =
        unit * negative_log_likelihood(*run.sde, *model.score, data.batch(numbers),
                                       data.shape.image ? ItemKind::eight_bit : ItemKind::continuous, ids,
                                       {.as_at_t_min = true})
                   .total();
  }
  return costs;
}

/// Items that were not trained on: some of --test, or what training at seed 0 holds out.
struct HeldOut {
  Dataset data;
  std::vector<std::uint32_t> chosen;
};

HeldOut held_out_items(const CompareFlags& flags, const ModelSpec& spec) {
  if (!flags.test.empty()) {
    HeldOut items{load_for_model(flags.test, spec), {}};
    items.chosen = random_subset(items.data.count, flags.items, 0);
    return items;
  }
  TrainingData data = load_training_data(flags.against, {}, 0);
  HeldOut items{data.test.count ? std::move(data.test) : std::move(data.train), std::move(data.validation_items)};
  items.chosen.resize(std::min(items.chosen.size(), flags.items));
  if (items.chosen.size() < 2) fail(Failure::usage, "--test: {} holds no items out; name some", flags.against);
  return items;
}

}  // namespace

Experiment likelihoods(ComparedModels& models) {
  const CompareFlags& flags = models.flags();
  const HeldOut held_out = held_out_items(flags, models.runs().front().model.spec);
  const std::string unit = held_out.data.shape.image ? "bits/dim" : "nats";
  Experiment experiment;
  Table table{{"SDE", unit, models.features_label() + " of ODE samples", "NFE"}, {}};
  std::vector<Times> costs;
  for (const ComparedRun& run : models.runs()) {
    costs.push_back(costs_of(models, run, held_out.data, held_out.chosen));
    const MetricValue mean = mean_estimate(costs.back());
    models.tell(run.label + ": samples of the flow");
    DrawPlan plan;
    plan.solver = "rk45";
    const Distance distance = models.distance(run, plan);
    table.rows.push_back({run.label, fmt::format("{:.3f} ± {:.3f}", mean.value, 1.96 * mean.error),
                          distance_text(distance), fmt::format("{:.0f}", distance.nfe)});
  }
  for (std::size_t a = 0; a < costs.size(); ++a)
    for (std::size_t b = 0; b < costs.size(); ++b)
      if (models.runs()[a].label == "sub-vp" && a != b) {
        const MetricValue d = mean_estimate(costs[b] - costs[a]);
        experiment.conclusions.push_back({"sub-VP has the best likelihood", "against " + models.runs()[b].label,
                                          fmt::format("{:+.3f} ± {:.3f} {}", d.value, 1.96 * d.error, unit),
                                          verdict_on(d)});
      }
  experiment.tables.push_back(
      {"Likelihood",
       fmt::format(
           "{} held-out items of {}, RK45 at 1e-5, uniform dequantisation, data taken as if at t_min (as the paper "
           "does); {} of {} samples, real against real {}.",
           costs.front().size(), held_out.data.name, models.features_label(), models.n(),
           distance_text(models.floor())),
       table});
  return experiment;
}

}  // namespace scoresde
