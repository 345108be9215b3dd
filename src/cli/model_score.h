#pragma once
#include <memory>
#include <string>

#include "net/model.h"
#include "score/score.h"

namespace scoresde {

/// What evaluates a network. "auto" is the engine for every network it has kernels for, on the CPU, and LibTorch
/// otherwise; "fast" is the engine or an error; "torch" is LibTorch.
struct EngineChoice {
  std::string engine = "auto", device = "cpu";
};

/// "fast" or "torch", decided for this model. Error{usage} where the engine asked for cannot serve it.
std::string resolve_engine(const EngineChoice& choice, const Model& model);

/// The model's network as a score, conditioned on a class (-1: unconditional). LibTorch is opened only where it is
/// needed.
std::unique_ptr<Score> load_score(const EngineChoice& choice, const Model& model, int class_label, int threads);

/// The model's score as a sampler is given it: of a class, and guided towards it by the unconditional one.
class ChosenScore {
 public:
  /// class_label -1: unconditional. Error{usage} for a class that the model does not know, or guidance without one.
  ChosenScore(const EngineChoice& choice, const Model& model, int class_label, double guidance, int threads);

  const Score& get() const { return guided_ ? *guided_ : *conditional_; }

 private:
  std::unique_ptr<Score> conditional_, unconditional_, guided_;
};

}  // namespace scoresde
