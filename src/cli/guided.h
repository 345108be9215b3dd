#pragma once
#include <memory>
#include <string>
#include <vector>

#include "cli/model_score.h"
#include "score/guidance.h"

namespace scoresde {

/// How a model is conditioned and guided.
struct GuidanceFlags {
  int class_label = -1;
  double weight = 1;
  std::vector<double> interval;   ///< of sigma/alpha: empty, or its two ends
  std::string classifier, guide;  ///< runs: a noise-conditional classifier; a weaker model
};

/// The model's score, conditioned and guided as asked.
class ChosenScore {
 public:
  /// Error{usage} where classes, shapes or SDEs do not go together.
  /// Takes the model's weights where it can.
  ChosenScore(Model& model, const EngineChoice& engine, const GuidanceFlags& flags, int threads);

  const Score& get() const { return guided_ ? *guided_ : *conditional_; }

 private:
  std::unique_ptr<Sde> sde_;
  std::unique_ptr<Score> conditional_, other_, guided_;
};

}  // namespace scoresde
