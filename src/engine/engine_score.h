#pragma once
#include <memory>
#include <optional>

#include "engine/engine.h"
#include "net/preconditioning.h"
#include "score/score.h"

namespace scoresde {

/// The network of a checkpoint as a score by the engine, put together in double as NetworkScore does. No derivative.
class EngineScore : public Score {
 public:
  /// class_index: which class; none: unconditional. Error{usage} for a class the network does not have, a network that
  /// gives no score, or an op without a kernel.
  EngineScore(const Model& model, std::optional<int> class_index, int threads, const Tuning& tuning = {});

  Batch operator()(const Batch& x, const Times& t) const override;
  Index dimension() const override { return static_cast<Index>(element_count(engine_.graph().input_shape)); }
  const Engine& engine() const { return engine_; }

 private:
  Engine engine_;
  std::optional<int> class_index_;
  std::shared_ptr<const Sde> sde_;
  const PredictionEntry* prediction_;
  double data_std_;
};

/// Class probabilities of a classifier's checkpoint for rows in model units at noise level t: rows x classes.
Batch engine_probabilities(const Model& model, const Batch& x, double t, int threads);

}  // namespace scoresde
