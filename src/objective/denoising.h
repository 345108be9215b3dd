#pragma once
#include "objective/objective.h"

namespace scoresde {

/// One sample's part of a denoising loss: x_t = alpha x_0 + sigma z; the raw output F is regressed on
/// target_data x_0 + target_noise z; the squared distance counts `weight` times.
struct DenoisingTask {
  Marginal marginal;
  Preconditioning at;
  double target_data, target_noise, weight;
};

/// The loss of every sample, reduced over its pixels by mean or half-sum (Song et al.'s `reduce_mean`).
/// In F-space, because there the target is of size one at every t: lambda ||score - score*||^2 with both scores of size
/// 1 / sigma is the same number, lambda score_f^2 ||F - F*||^2, but in float32 its parts cancel where sigma is small.
Losses denoising_losses(const Learner& learner, const at::Tensor& x0, const at::Tensor& z,
                        std::span<const DenoisingTask> tasks, bool reduce_mean);

}  // namespace scoresde
