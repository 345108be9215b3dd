#include <algorithm>
#include <cmath>

#include "objective/denoising.h"

namespace scoresde {
namespace {

/// L = mean over N noise levels of sigma_i^2 ||score(x + sigma_i z, t_i) + z / sigma_i||^2 (Song & Ermon 2019, eq. 6),
/// t_i = t_max (1 - i / (N - 1)), which for the geometric sigma(t) of ve is the table sigma_max ... sigma_min.
class ScoreMatchingLangevin : public Objective {
 public:
  explicit ScoreMatchingLangevin(const ObjectiveConfig& config) : config_(config) {}

  Losses operator()(const Learner& learner, const TrainingItems& items, const TrainingNoise& noise) const override {
    const Times u = noise.uniform(Purpose::time);
    Times t(u.size());
    std::vector<DenoisingTask> tasks;
    for (Index i = 0; i < u.size(); ++i) {
      const double level = std::min(std::floor(u[i] * config_.levels), config_.levels - 1.0);
      t[i] = learner.sde().t_max() * (1 - level / (config_.levels - 1));
      const Marginal m = learner.sde().marginal(t[i]);
      const Preconditioning at = learner.preconditioning(t[i]);
      tasks.push_back({m, at, at.target_data, at.target_noise, m.sigma * m.sigma * at.score_f * at.score_f});
    }
    const at::Tensor z = noise.normal(Purpose::perturbation, items.x0);
    Losses losses = denoising_losses(learner, items.x0, z, tasks, config_.reduce_mean);
    losses.t = t;
    return losses;
  }

 private:
  ObjectiveConfig config_;
};

}  // namespace

std::unique_ptr<Objective> make_smld(const ObjectiveConfig& config, const Sde& sde, const Score*) {
  if (sde.drift(sde.t_max()) != 0 || !(sde.marginal(0).sigma > 0))
    fail(Failure::usage, "objective smld is defined for sde ve, not for {}; dsm serves every sde", sde.name());
  return std::make_unique<ScoreMatchingLangevin>(config);
}

}  // namespace scoresde
