#include "objective/score_matching.h"

#include <torch/csrc/autograd/autograd.h>

namespace scoresde {
namespace {

MatchingBatch matching_batch(const Learner& learner, const at::Tensor& x, const Times& t) {
  MatchingBatch batch{x.detach().set_requires_grad(true), learner.preconditioning(t), {}, {}};
  Times slope(t.size()), twice_inverse(t.size());
  for (Index i = 0; i < t.size(); ++i) {
    const Preconditioning& at = batch.at[static_cast<std::size_t>(i)];
    slope[i] = at.score_x / at.score_f;
    twice_inverse[i] = 2 / at.score_f;
  }
  batch.slope = per_sample(slope, x);
  batch.twice_inverse = per_sample(twice_inverse, x).reshape({-1});
  return batch;
}

}  // namespace

Losses ScoreMatching::operator()(const Learner& learner, const TrainingItems& items, const TrainingNoise& noise) const {
  const bool learning = at::GradMode::is_enabled();
  const DrawnLevels levels = levels_.draw(learner, noise);
  const at::Tensor x = perturbed(learner.sde(), items.x0, levels.t, noise.normal(Purpose::perturbation, items.x0));
  Losses losses;
  losses.t = levels.t;
  const at::AutoGradMode gradients(true);  // in x; validation has them off for the parameters
  const MatchingBatch batch = matching_batch(learner, x, levels.t);
  Times scale(levels.t.size());
  for (Index i = 0; i < scale.size(); ++i) {
    const double score_f = batch.at[static_cast<std::size_t>(i)].score_f;
    const double reduce = config_.reduce_mean ? 1 / static_cast<double>(x[0].numel()) : 0.5;
    scale[i] = levels.weight[i] * score_f * score_f * reduce;
  }
  losses.values = matching(learner, batch, levels.t, noise, losses.output) * per_sample(scale, x).reshape({-1});
  if (!learning) losses.values = losses.values.detach();
  return losses;
}

at::Tensor scaled_score(const MatchingBatch& batch, const at::Tensor& x, const at::Tensor& raw) {
  return raw + batch.slope * x;
}

at::Tensor pulled_back(const MatchingBatch& batch, const at::Tensor& r, const at::Tensor& v) {
  return torch::autograd::grad({(r * v).sum()}, {batch.x}, {}, /*retain_graph=*/true, /*create_graph=*/true).at(0);
}

}  // namespace scoresde
