#include <ATen/ops/argmax.h>
#include <ATen/ops/cross_entropy_loss.h>

#include "objective/noise_levels.h"
#include "objective/objective.h"

namespace scoresde {
namespace {

/// -log softmax(logits)[label]. Noise-conditional: logits of x_t at drawn t, as a guide of the reverse process needs
/// them (Song et al. 2021, app. I.1). Otherwise of x_0 itself, asked at t_min.
class CrossEntropy : public Objective {
 public:
  CrossEntropy(const ObjectiveConfig& config, const Sde& sde)
      : levels_(config, sde), noise_conditional_(config.noise_conditional) {}

  Losses operator()(const Learner& learner, const TrainingItems& items, const TrainingNoise& noise) const override {
    if (!items.labels.defined()) fail(Failure::data, "objective cross-entropy needs data with labels");
    Losses losses;
    losses.t = times_of(items.x0.size(0), learner.sde().t_min());
    at::Tensor x = items.x0;
    if (noise_conditional_) {
      losses.t = levels_.draw(learner, noise).t;
      x = perturbed(learner.sde(), x, losses.t, noise.normal(Purpose::perturbation, x));
    }
    losses.output = learner.raw(x, learner.preconditioning(losses.t));
    losses.values = at::cross_entropy_loss(losses.output, items.labels, {}, /*reduction: none*/ 0);
    losses.correct = at::argmax(losses.output, 1).eq(items.labels).to(at::kLong);
    return losses;
  }

 private:
  NoiseLevels levels_;
  bool noise_conditional_;
};

}  // namespace

std::unique_ptr<Objective> make_cross_entropy(const ObjectiveConfig& config, const Sde& sde, const Score*) {
  return std::make_unique<CrossEntropy>(config, sde);
}

}  // namespace scoresde
