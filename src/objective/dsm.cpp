#include "objective/denoising.h"
#include "objective/noise_levels.h"
#include "objective/objective.h"

namespace scoresde {
namespace {

/// L = E_t lambda(t) ||score(x_t, t) + z / sigma||^2, t continuous (Song et al. 2021, eq. 7).
class DenoisingScoreMatching : public Objective {
 public:
  DenoisingScoreMatching(const ObjectiveConfig& config, const Sde& sde)
      : levels_(config, sde), reduce_mean_(config.reduce_mean) {}

  Losses operator()(const Learner& learner, const TrainingItems& items, const TrainingNoise& noise) const override {
    const DrawnLevels levels = levels_.draw(learner, noise);
    std::vector<DenoisingTask> tasks;
    for (Index i = 0; i < levels.t.size(); ++i) {
      const Preconditioning at = learner.preconditioning(levels.t[i]);
      tasks.push_back({learner.sde().marginal(levels.t[i]), at, at.target_data, at.target_noise,
                       levels.weight[i] * at.score_f * at.score_f});
    }
    const at::Tensor z = noise.normal(Purpose::perturbation, items.x0);
    Losses losses = denoising_losses(learner, items.x0, z, tasks, reduce_mean_);
    losses.t = levels.t;
    return losses;
  }

 private:
  NoiseLevels levels_;
  bool reduce_mean_;
};

}  // namespace

std::unique_ptr<Objective> make_dsm(const ObjectiveConfig& config, const Sde& sde, const Score*) {
  return std::make_unique<DenoisingScoreMatching>(config, sde);
}

}  // namespace scoresde
