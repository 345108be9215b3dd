#include "cli/model_score.h"

#include "cli/torch_backend.h"
#include "core/error.h"

namespace scoresde {

std::string resolve_engine(const EngineChoice& choice, const Model& model, ScoreUse use) {
  if (choice.engine == "torch") return "torch";
  const Graph graph = build_net(model.spec.net, model.spec.shape);
  const std::optional<OpKind> missing = op_without_kernel(graph);
  const bool second = graph.energy && use == ScoreUse::vjps;
  if (choice.engine == "auto") return choice.device == "cpu" && !missing && !second ? "fast" : "torch";
  if (choice.device != "cpu") fail(Failure::usage, "--engine fast runs on the CPU, not on --device {}", choice.device);
  if (missing) fail(Failure::usage, "--engine fast has no kernel for the op '{}'", kind_name(*missing));
  if (second) fail(Failure::usage, "--engine fast has no second derivatives, which this needs of an energy");
  return "fast";
}

namespace {

template <class AnyModel>
std::unique_ptr<Score> score_of(const EngineChoice& choice, AnyModel&& model, int class_label, int threads,
                                ScoreUse use) {
  if (resolve_engine(choice, model, use) == "torch")
    return torch_backend().load_score(model, class_label, threads, choice.device);
  return std::make_unique<EngineScore>(std::forward<AnyModel>(model),
                                       class_label < 0 ? std::nullopt : std::optional(class_label), threads, use,
                                       choice.tuning);
}

}  // namespace

std::unique_ptr<Score> load_score(const EngineChoice& choice, const Model& model, int class_label, int threads,
                                  ScoreUse use) {
  return score_of(choice, model, class_label, threads, use);
}

std::unique_ptr<Score> load_score(const EngineChoice& choice, Model&& model, int class_label, int threads,
                                  ScoreUse use) {
  return score_of(choice, std::move(model), class_label, threads, use);
}

}  // namespace scoresde
