#pragma once
#include "objective/noise_levels.h"
#include "objective/objective.h"

namespace scoresde {

/// A batch on the way to a score matching loss that is no regression: x_t, and what turns the raw output F into
/// r = score / score_f = F + (score_x / score_f) x_t. Losses are put together in r, which is of size one where the
/// score is of size 1 / sigma: lambda (||score||^2 + 2 tr d score/dx) = lambda score_f^2 (||r||^2 + (2 / score_f) tr
/// dr/dx).
struct MatchingBatch {
  at::Tensor x;                     ///< x_t; a leaf that requires a gradient
  std::vector<Preconditioning> at;  ///< one a sample
  at::Tensor slope;                 ///< score_x / score_f, (B, 1, ...)
  at::Tensor twice_inverse;         ///< 2 / score_f, (B)
};

/// Score matching at drawn noise levels: each member gives its loss of every sample in r and this class the rest.
/// Every loss is, up to a constant that no parameter enters, an unbiased estimate of the explicit
/// lambda ||score - grad log p_t||^2, and scaled like dsm: all have one expected gradient.
class ScoreMatching : public Objective {
 public:
  ScoreMatching(const ObjectiveConfig& config, const Sde& sde) : levels_(config, sde), config_(config) {}

  Losses operator()(const Learner& learner, const TrainingItems& items, const TrainingNoise& noise) const final;

 protected:
  const ObjectiveConfig& config() const { return config_; }

  /// (B): ||r||^2 + (2 / score_f) tr dr/dx or its like; called with gradients on. `t`: the samples' times.
  virtual at::Tensor matching(const Learner& learner, const MatchingBatch& batch, const Times& t,
                              const TrainingNoise& noise, at::Tensor& output) const = 0;

 private:
  NoiseLevels levels_;
  ObjectiveConfig config_;
};

/// r at x for the raw output F there.
at::Tensor scaled_score(const MatchingBatch& batch, const at::Tensor& x, const at::Tensor& raw);

/// J_r^T v at batch.x for r = scaled_score(batch, batch.x, ...), itself differentiable.
at::Tensor pulled_back(const MatchingBatch& batch, const at::Tensor& r, const at::Tensor& v);

}  // namespace scoresde
