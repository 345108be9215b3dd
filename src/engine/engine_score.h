#pragma once
#include <memory>
#include <optional>

#include "engine/engine.h"
#include "engine/gradient.h"
#include "net/preconditioning.h"
#include "score/score.h"

namespace scoresde {

/// What a score is made for: `vjps` costs memory, so that it has to be asked for.
enum class ScoreUse { values, vjps };

/// The network of a checkpoint as a score by the engine, put together in double as NetworkScore does. An energy's score
/// is one derivative, so it has no vjp.
class EngineScore : public Score {
 public:
  /// class_index: which class; none: unconditional. Error{usage} for a class the network does not have, a network that
  /// gives no score, or an op without a kernel.
  EngineScore(const Model& model, std::optional<int> class_index, int threads, ScoreUse use = ScoreUse::values,
              const Tuning& tuning = {});
  /// The same, taking the model's weights: they are given back layer by layer while the network is compiled.
  EngineScore(Model&& model, std::optional<int> class_index, int threads, ScoreUse use = ScoreUse::values,
              const Tuning& tuning = {});
  ~EngineScore() override;

  Batch operator()(const Batch& x, const Times& t) const override;

  /// Error{usage} unless made for vjps.
  Batch vjp(const Batch& x, const Times& t, const Batch& v) const override;
  ScoreAndVjps with_vjps(const Batch& x, const Times& t, std::span<const Batch> v) const override;

  /// Energies only, as NetworkScore::log_density.
  Times log_density(const Batch& x, const Times& t) const override;

  /// The compiled network of a score that was made for values.
  const Engine& engine() const { return *engine_; }
  Index dimension() const override { return static_cast<Index>(element_count(graph_.input_shape)); }

 private:
  struct Factors;

  EngineScore(const ModelSpec& spec, Graph graph, FloatWeights weights, std::optional<int> class_index, int threads,
              ScoreUse use, const Tuning& tuning);
  Factors factors(const Times& t) const;

  Graph graph_;
  std::unique_ptr<Engine> engine_;              // exactly one
  std::unique_ptr<Differentiator> derivative_;  // of the two
  std::optional<int> class_index_;
  std::shared_ptr<const Sde> sde_;
  const PredictionEntry* prediction_;
  double data_std_;
};

/// Class probabilities of a classifier's checkpoint for rows in model units at noise level t: rows x classes.
Batch engine_probabilities(const Model& model, const Batch& x, double t, int threads);

/// A noise-conditional classifier's log p(class | x, t) and its gradient with respect to x: what guides a score towards
/// a class (Song et al. 2021, app. I; Dhariwal & Nichol 2021).
class EngineClassifier {
 public:
  /// Error{usage} for a network that is no classifier, or an op that has no gradient.
  EngineClassifier(const Model& model, int threads);

  struct LogProbability {
    Times value;
    Batch gradient;  ///< rows x D
  };

  /// Rows x in model units at a time each, and a class each in [0, classes()).
  LogProbability operator()(const Batch& x, const Times& t, std::span<const int> classes) const;

  int classes() const { return static_cast<int>(derivative_->graph().output_shape()[0]); }

 private:
  std::unique_ptr<Differentiator> derivative_;
  std::shared_ptr<const Sde> sde_;
  const PredictionEntry* prediction_;
  double data_std_;
};

}  // namespace scoresde
