#include "cli/evaluate.h"

#include <cmath>

#include "cli/model_score.h"
#include "core/sum.h"
#include "engine/engine_score.h"
#include "report/table.h"

namespace scoresde {
namespace {

/// What a classifier says of a set of samples. Each mean stands with its standard error.
struct Verdict {
  std::size_t count = 0;
  double confidence = 0, confidence_error = 0;  ///< mean of the largest class probability
  double accuracy = 0, accuracy_error = 0;      ///< NaN where there are no labels
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
  return v;
}

struct Subject {
  Batch rows;
  std::vector<std::int32_t> labels;
};

Subject subject_of(EvaluateFlags& flags, const CommonFlags& common) {
  if (is_model(flags.samples)) return {drawn_rows(read_model(flags.samples), flags, common), {}};
  const Dataset data = load_dataset(flags.samples);
  Subject subject{data.rows(flags.n), data.labels};
  if (!subject.labels.empty()) subject.labels.resize(static_cast<std::size_t>(subject.rows.rows()));
  return subject;
}

Json verdict_json(const Verdict& v) {
  Json json = {
      {"count", v.count}, {"confidence", v.confidence}, {"confidence_error", v.confidence_error}, {"shares", v.shares}};
  if (!std::isnan(v.accuracy)) json["accuracy"] = v.accuracy, json["accuracy_error"] = v.accuracy_error;
  return json;
}

void judge_samples(EvaluateFlags& flags, const CommonFlags& common) {
  const Model judge = read_model(flags.classifier);
  const auto sde = make_sde(judge.spec.sde);
  const auto judged = [&](const Subject& s) {
    return verdict(engine_probabilities(judge, s.rows, sde->t_min(), thread_count(common)), s.labels);
  };
  const Verdict samples = judged(subject_of(flags, common));
  const Dataset data = load_dataset(flags.against);
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
  for (std::size_t k = 0; k < samples.shares.size(); ++k)
    table.rows.push_back({k < judge.spec.class_names.size() ? "share of " + judge.spec.class_names[k]
                                                            : fmt::format("share of class {}", k),
                          fmt::format("{:.1f} %", 100 * samples.shares[k]),
                          fmt::format("{:.1f} %", 100 * real.shares[k])});
  fmt::print("{}", text_table(table));
}

}  // namespace

bool is_model(const fs::path& path) { return path.extension() == ".safetensors" || fs::exists(path / "checkpoints"); }

Batch drawn_rows(const Model& model, EvaluateFlags& flags, const CommonFlags& common) {
  const auto sde = make_sde(model.spec.sde);
  for (std::size_t k = 0; k < flags.n; ++k) flags.plan.ids.push_back(k);
  const auto score = load_score({}, model, -1, thread_count(common));
  Batch rows(static_cast<Index>(flags.n), model.spec.shape.size());
  Index filled = 0;
  draw(*sde, *score, flags.plan, common.quiet, [&](const DrawnBatch& batch) {
    rows.middleRows(filled, batch.samples.x.rows()) = batch.samples.x;
    filled += batch.samples.x.rows();
  });
  return rows;
}

void add_evaluate(CLI::App& app, CommonFlags& common) {
  static EvaluateFlags flags;
  CLI::App* command =
      add_command(app, common, "evaluate", "How far samples are from real data, with error bars.",
                  "scoresde evaluate runs/moons --against moons -n 2000\n"
                  "  scoresde evaluate runs/fashion --against fashion-mnist#test --classifier runs/judge");
  command->add_option("samples", flags.samples, "a run (samples are drawn), or a folder or file of samples")
      ->required();
  command->add_option("--against", flags.against, "real data; with labels for --classifier")->required();
  auto* classifier = command->add_option("--classifier", flags.classifier,
                                         "what this run of `train --preset classifier` says, in place of metrics");
  command
      ->add_option("--metrics", flags.metrics,
                   "which, such as c2st,energy: see `scoresde list metrics`; default: those that suit the dimension")
      ->excludes(classifier);
  command->add_option("-n", flags.n, "how many samples")->check(within(1, 10000000))->capture_default_str();
  command->add_option("--solver", flags.plan.solver, "runs: see `scoresde list solvers`")->capture_default_str();
  command->add_option("--nfe", flags.plan.nfe, "runs: network evaluations a sample")->check(within(1, 1000000));
  command->callback(
      [&common] { flags.classifier.empty() ? compare_with_data(flags, common) : judge_samples(flags, common); });
}

}  // namespace scoresde
