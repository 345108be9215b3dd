#include "cli/model_score.h"

#include "cli/torch_backend.h"
#include "core/error.h"
#include "engine/engine_score.h"
#include "score/guidance.h"

namespace scoresde {

std::string resolve_engine(const EngineChoice& choice, const Model& model) {
  if (choice.engine == "torch") return "torch";
  const Graph graph = build_net(model.spec.net, model.spec.shape);
  const std::optional<OpKind> missing = op_without_kernel(graph);
  if (choice.engine == "auto") return choice.device == "cpu" && !missing && !graph.energy ? "fast" : "torch";
  if (choice.device != "cpu") fail(Failure::usage, "--engine fast runs on the CPU, not on --device {}", choice.device);
  if (missing) fail(Failure::usage, "--engine fast has no kernel for the op '{}'", kind_name(*missing));
  if (graph.energy) fail(Failure::usage, "--engine fast has no derivatives, and the score of an energy is one");
  return "fast";
}

std::unique_ptr<Score> load_score(const EngineChoice& choice, const Model& model, int class_label, int threads) {
  if (resolve_engine(choice, model) == "torch")
    return torch_backend().load_score(model, class_label, threads, choice.device);
  return std::make_unique<EngineScore>(model, class_label < 0 ? std::nullopt : std::optional(class_label), threads);
}

ChosenScore::ChosenScore(const EngineChoice& choice, const Model& model, int class_label, double guidance,
                         int threads) {
  const int classes = model.spec.net.classes;
  if (class_label >= classes)
    fail(Failure::usage, "--class {}: the model knows {}", class_label,
         classes == 0 ? "no classes" : fmt::format("classes 0 to {}", classes - 1));
  if (guidance != 1 && class_label < 0) fail(Failure::usage, "--guidance needs a --class to guide towards");
  conditional_ = load_score(choice, model, class_label, threads);
  if (guidance == 1) return;
  unconditional_ = load_score(choice, model, -1, threads);
  guided_ = std::make_unique<GuidedScore>(*conditional_, *unconditional_, guidance);
}

}  // namespace scoresde
