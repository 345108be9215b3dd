#include "core/catalog.h"
#include "objective/denoising.h"
#include "objective/time_sampling.h"
#include "objective/weighting.h"

namespace scoresde {
namespace {

/// L = E_t lambda(t) ||score(x_t, t) + z / sigma||^2, t continuous (Song et al. 2021, eq. 7).
class DenoisingScoreMatching : public Objective {
 public:
  explicit DenoisingScoreMatching(const ObjectiveConfig& config)
      : config_(config),
        weighting_(find_entry("weighting", weightings(), config.weighting)),
        times_(find_entry("time sampling", time_samplings(), config.time_sampling)) {}

  Losses operator()(const Learner& learner, const TrainingItems& items, const TrainingNoise& noise) const override {
    const Times u = noise.uniform(Purpose::time);
    Times t(u.size());
    std::vector<DenoisingTask> tasks;
    for (Index i = 0; i < u.size(); ++i) {
      const TimeDraw drawn = times_.draw(learner.sde(), u[i], {config_.log_mean, config_.log_std});
      const double lambda = weighting_.weight(learner.sde(), drawn.t, {learner.data_std(), config_.min_snr_gamma});
      const Preconditioning at = learner.preconditioning(drawn.t);
      t[i] = drawn.t;
      tasks.push_back({learner.sde().marginal(drawn.t), at, at.target_data, at.target_noise,
                       drawn.factor * lambda * at.score_f * at.score_f});
    }
    const at::Tensor z = noise.normal(Purpose::perturbation, items.x0);
    Losses losses = denoising_losses(learner, items.x0, z, tasks, config_.reduce_mean);
    losses.t = t;
    return losses;
  }

 private:
  ObjectiveConfig config_;
  const WeightingEntry& weighting_;
  const TimeSamplingEntry& times_;
};

}  // namespace

std::unique_ptr<Objective> make_dsm(const ObjectiveConfig& config, const Sde&) {
  return std::make_unique<DenoisingScoreMatching>(config);
}

}  // namespace scoresde
