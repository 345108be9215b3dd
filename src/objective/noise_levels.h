#pragma once
#include "objective/learner.h"
#include "objective/objective_config.h"
#include "objective/time_sampling.h"
#include "objective/weighting.h"

namespace scoresde {

/// The noise levels of a batch.
struct DrawnLevels {
  Times t;
  Times weight;  ///< what the squared error of each sample's score is multiplied by
};

/// How an objective chooses its noise levels: the time sampling and the weighting that its settings name.
class NoiseLevels {
 public:
  /// Error{usage} for an unknown name, and for a fixed time that the SDE does not have.
  NoiseLevels(const ObjectiveConfig& config, const Sde& sde);

  DrawnLevels draw(const Learner& learner, const TrainingNoise& noise) const;

  /// The time that the uniform number u in (0, 1) stands for.
  TimeDraw time_of(const Sde& sde, double u) const { return sampling_.draw(sde, u, options_); }

 private:
  const WeightingEntry& weighting_;
  const TimeSamplingEntry& sampling_;
  TimeSamplingOptions options_;
  double min_snr_gamma_;
};

/// x_t = alpha x_0 + sigma z, one time a sample.
at::Tensor perturbed(const Sde& sde, const at::Tensor& x0, const Times& t, const at::Tensor& z);
}  // namespace scoresde
