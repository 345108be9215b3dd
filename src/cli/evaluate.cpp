#include "cli/evaluate.h"

#include <cmath>

#include "core/sum.h"
#include "engine/engine_score.h"
#include "metrics/class_score.h"
#include "metrics/estimate.h"
#include "report/table.h"

namespace scoresde {
namespace {

/// What a classifier says of a set of samples. Each mean stands with its standard error.
struct Verdict {
  std::size_t count = 0;
  double confidence = 0, confidence_error = 0;  ///< mean of the largest class probability
  double accuracy = 0, accuracy_error = 0;      ///< NaN where there are no labels
  MetricValue class_score;                      ///< inception_score of this classifier
  std::vector<double> shares;                   ///< of each class, by the most probable one
};

double standard_error(const Times& values) {
  const double mean = ordered_mean(values);
  return std::sqrt(ordered_mean((values - mean).square()) /
                   std::max<double>(1, static_cast<double>(values.size() - 1)));
}

Verdict verdict(const Batch& probabilities, const std::vector<std::int32_t>& labels) {
  Verdict v{.count = static_cast<std::size_t>(probabilities.rows())};
  v.shares.assign(static_cast<std::size_t>(probabilities.cols()), 0);
  Times confidence(probabilities.rows()), correct(probabilities.rows());
  for (Index i = 0; i < probabilities.rows(); ++i) {
    Index best;
    confidence[i] = probabilities.row(i).maxCoeff(&best);
    v.shares[static_cast<std::size_t>(best)] += 1.0 / static_cast<double>(v.count);
    correct[i] = !labels.empty() && labels[static_cast<std::size_t>(i)] == best;
  }
  v.confidence = ordered_mean(confidence);
  v.confidence_error = standard_error(confidence);
  v.accuracy = labels.empty() ? std::nan("") : ordered_mean(correct);
  v.accuracy_error = standard_error(correct);
  if (probabilities.rows() >= kMetricGroups) v.class_score = inception_score(probabilities);
  return v;
}

struct JudgedItems {
  Batch rows;
  std::vector<std::int32_t> labels;
};

JudgedItems judged_items(const EvaluateFlags& flags, const CommonFlags& common, const Dataset& against) {
  Subject subject(flags, common);
  const std::size_t n = std::min(flags.n ? flags.n : std::size_t{1000}, subject.most());
  if (is_model(flags.samples)) return {subject.items(&against)(0, n), {}};
  const Dataset data = load_dataset(flags.samples);
  JudgedItems items{data.rows(n), data.labels};
  if (!items.labels.empty()) items.labels.resize(static_cast<std::size_t>(items.rows.rows()));
  return items;
}

Json verdict_json(const Verdict& v) {
  Json json = {{"count", v.count},   {"confidence", v.confidence},         {"confidence_error", v.confidence_error},
               {"shares", v.shares}, {"class_score", v.class_score.value}, {"class_score_error", v.class_score.error}};
  if (!std::isnan(v.accuracy)) json["accuracy"] = v.accuracy, json["accuracy_error"] = v.accuracy_error;
  return json;
}

}  // namespace

void judge_samples(EvaluateFlags& flags, const CommonFlags& common) {
  const Model judge = read_model(flags.classifier);
  const auto sde = make_sde(judge.spec.sde);
  const auto judged = [&](const JudgedItems& s) {
    return verdict(engine_probabilities(judge, s.rows, sde->t_min(), thread_count(common)), s.labels);
  };
  const Dataset data = load_dataset(flags.against);
  const Verdict samples = judged(judged_items(flags, common, data));
  const Verdict real = judged({data.rows(data.count), data.labels});
  if (common.json)
    return print_json(
        {{"samples", verdict_json(samples)}, {"against", verdict_json(real)}, {"classes", judge.spec.class_names}});
  fmt::print("{} against {}, judged by {}\n\n", flags.samples, flags.against, flags.classifier);
  const auto with_error = [](double value, double error) {
    return std::isnan(value) ? std::string("-") : fmt::format("{:.2f} ± {:.2f} %", 100 * value, 100 * error);
  };
  Table table{{"", "samples", "data"}, {}};
  table.rows.push_back(
      {"items", grouped(static_cast<long long>(samples.count)), grouped(static_cast<long long>(real.count))});
  table.rows.push_back({"accuracy", with_error(samples.accuracy, samples.accuracy_error),
                        with_error(real.accuracy, real.accuracy_error)});
  table.rows.push_back({"mean confidence", with_error(samples.confidence, samples.confidence_error),
                        with_error(real.confidence, real.confidence_error)});
  table.rows.push_back({"class score, as IS",
                        fmt::format("{:.3f} ± {:.3f}", samples.class_score.value, samples.class_score.error),
                        fmt::format("{:.3f} ± {:.3f}", real.class_score.value, real.class_score.error)});
  for (std::size_t k = 0; k < samples.shares.size(); ++k)
    table.rows.push_back({k < judge.spec.class_names.size() ? "share of " + judge.spec.class_names[k]
                                                            : fmt::format("share of class {}", k),
                          fmt::format("{:.1f} %", 100 * samples.shares[k]),
                          fmt::format("{:.1f} %", 100 * real.shares[k])});
  fmt::print("{}", text_table(table));
}

void add_evaluate(CLI::App& app, CommonFlags& common) {
  static EvaluateFlags flags;
  CLI::App* command = add_command(app, common, "evaluate", "How far samples are from real data, with error bars.",
                                  "scoresde evaluate runs/moons --against moons -n 2000\n"
                                  "  scoresde evaluate runs/fashion --against fashion-mnist#test --features random");
  command->add_option("samples", flags.samples, "a run (samples are drawn), or a folder or file of samples")
      ->required();
  auto* against = command->add_option("--against", flags.against,
                                      "real data (with labels for --classifier), or an .npz of their statistics");
  command->add_option("--features", flags.features,
                      "the space to compare in: see `scoresde list features`; default: pixels, columns");
  command->add_option(
      "--metrics", flags.metrics,
      "which, such as c2st,energy: see `scoresde list metrics`; default: those that suit the dimension");
  command->add_option("-n", flags.n, "how many samples; default: 1000")->check(within(1, 10000000));
  command->add_option("--work", flags.work,
                      "a folder for finished parts: an interrupted evaluation goes on there, and processes with RANK "
                      "and WORLD_SIZE set share it");
  auto* statistics = command
                         ->add_option("--save-statistics", flags.statistics,
                                      "write mean and covariance of the samples' features instead: .npz")
                         ->check(ends_in(".npz"));
  auto* classifier = command->add_option("--classifier", flags.classifier,
                                         "what this run of `train --preset classifier` says, in place of metrics");
  auto* training = command->add_option(
      "--training", flags.training, "the data it was trained on: are samples copies? --against is then held-out data");
  command->add_option("--neighbours", flags.neighbours, "with --training: a picture of the likest pairs")
      ->check(ends_in(".png"))
      ->needs(training);
  command->add_option("--solver", flags.plan.solver, "runs: see `scoresde list solvers`")->capture_default_str();
  command->add_option("--nfe", flags.plan.nfe, "runs: network evaluations a sample")->check(within(1, 1000000));
  command->add_option("--grid", flags.plan.grid, "runs: time grid, see `scoresde list grids`");
  static bool uncalibrated = false;
  command->add_flag("--uncalibrated", uncalibrated, "with --nfe alone: not what `calibrate` stored for it");
  command->add_option("--seed", flags.seed, "runs: seed of all noise")->check(within(0, 9000000000000000));
  command->add_flag("--force", common.force, "overwrite what stands at the outputs");
  classifier->excludes(statistics)->excludes(training)->excludes(command->get_option("--metrics"));
  statistics->excludes(training);
  command->callback([&common, command, against] {
    flags.budget_alone =
        flags.plan.nfe > 0 && !uncalibrated && flags.plan.grid.empty() && command->count("--solver") == 0;
    if (flags.statistics.empty() && against->count() == 0) fail(Failure::usage, "--against is required");
    catch_interrupts();
    try {
      if (!flags.statistics.empty()) return save_statistics(flags, common);
      if (!flags.training.empty()) return look_for_copies(*command, flags, common);
      flags.classifier.empty() ? compare_with_data(flags, common) : judge_samples(flags, common);
    } catch (const Error&) {
      if (interrupted() && !flags.work.empty())
        fail(Failure::run, "interrupted; the same command goes on where it stopped ({})", flags.work);
      throw;
    }
  });
}

}  // namespace scoresde
