#include <ATen/ops/argmax.h>
#include <ATen/ops/cross_entropy_loss.h>

#include "core/catalog.h"
#include "objective/objective.h"
#include "objective/time_sampling.h"

namespace scoresde {
namespace {

/// -log softmax(logits)[label]. Noise-conditional: logits of x_t at drawn t, as a guide of the reverse process needs
/// them (Song et al. 2021, app. I.1). Otherwise of x_0 itself, asked at t_min.
class CrossEntropy : public Objective {
 public:
  explicit CrossEntropy(const ObjectiveConfig& config)
      : config_(config), times_(find_entry("time sampling", time_samplings(), config.time_sampling)) {}

  Losses operator()(const Learner& learner, const TrainingItems& items, const TrainingNoise& noise) const override {
    if (!items.labels.defined()) fail(Failure::data, "objective cross-entropy needs data with labels");
    Losses losses;
    losses.t = times_of(items.x0.size(0), learner.sde().t_min());
    at::Tensor x = items.x0;
    if (config_.noise_conditional) {
      const Times u = noise.uniform(Purpose::time);
      for (Index i = 0; i < u.size(); ++i)
        losses.t[i] = times_.draw(learner.sde(), u[i], {config_.log_mean, config_.log_std}).t;
      const Marginals m = marginals(learner.sde(), losses.t);
      x = x * per_sample(m.alpha, x) + noise.normal(Purpose::perturbation, x) * per_sample(m.sigma, x);
    }
    losses.output = learner.raw(x, learner.preconditioning(losses.t));
    losses.values = at::cross_entropy_loss(losses.output, items.labels, {}, /*reduction: none*/ 0);
    losses.correct = at::argmax(losses.output, 1).eq(items.labels).to(at::kLong);
    return losses;
  }

 private:
  ObjectiveConfig config_;
  const TimeSamplingEntry& times_;
};

}  // namespace

std::unique_ptr<Objective> make_cross_entropy(const ObjectiveConfig& config, const Sde&) {
  return std::make_unique<CrossEntropy>(config);
}

}  // namespace scoresde
