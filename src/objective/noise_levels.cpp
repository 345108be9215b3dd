#include "objective/noise_levels.h"

#include "core/catalog.h"

namespace scoresde {

NoiseLevels::NoiseLevels(const ObjectiveConfig& config, const Sde& sde)
    : weighting_(find_entry("weighting", weightings(), config.weighting)),
      sampling_(find_entry("time sampling", time_samplings(), config.time_sampling)),
      options_{config.log_mean, config.log_std, config.time},
      min_snr_gamma_(config.min_snr_gamma) {
  if (config.time != 0 && !(config.time >= sde.t_min() && config.time <= sde.t_max()))
    fail(Failure::usage, "objective.time = {} is outside the times of sde {}, [{}, {}]", config.time, sde.name(),
         sde.t_min(), sde.t_max());
}

DrawnLevels NoiseLevels::draw(const Learner& learner, const TrainingNoise& noise) const {
  const Times u = noise.uniform(Purpose::time);
  DrawnLevels result{Times(u.size()), Times(u.size())};
  for (Index i = 0; i < u.size(); ++i) {
    const TimeDraw drawn = time_of(learner.sde(), u[i]);
    result.t[i] = drawn.t;
    result.weight[i] = drawn.factor * weighting_.weight(learner.sde(), drawn.t, {learner.data_std(), min_snr_gamma_});
  }
  return result;
}

at::Tensor perturbed(const Sde& sde, const at::Tensor& x0, const Times& t, const at::Tensor& z) {
  const Marginals m = marginals(sde, t);
  return x0 * per_sample(m.alpha, x0) + z * per_sample(m.sigma, x0);
}

}  // namespace scoresde
