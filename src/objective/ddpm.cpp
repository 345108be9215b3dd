#include <algorithm>
#include <cmath>

#include "objective/denoising.h"
#include "sde/discrete.h"

namespace scoresde {
namespace {

/// L = mean over the levels i of the discrete chain of ||noise(x_t, i) - z||^2 (Ho et al. 2020, eq. 14),
/// x_t = sqrt(acp_i) x_0 + sqrt(1 - acp_i) z, acp_i = prod_{k <= i} (1 - beta_k).
/// The network is asked at the time with the same log-SNR, where the continuous process has the same marginal; the
/// chain's last few levels have a little less signal than the process at t_max (acp 4.04e-5 against 4.32e-5 for the
/// usual vp with N = 1000) and are asked at t_max.
class DiscreteNoisePrediction : public Objective {
 public:
  DiscreteNoisePrediction(const ObjectiveConfig& config, const Sde& sde) : config_(config) {
    const DdpmTable table = ddpm_table(sde, config.levels);
    for (std::size_t i = 0; i < table.scale.size(); ++i) {
      marginals_.push_back({table.scale[i], table.noise[i]});
      times_.push_back(std::clamp(sde.time_at(std::log(table.scale[i] / table.noise[i])), sde.t_min(), sde.t_max()));
    }
  }

  Losses operator()(const Learner& learner, const TrainingItems& items, const TrainingNoise& noise) const override {
    const Times u = noise.uniform(Purpose::time);
    Times t(u.size());
    std::vector<DenoisingTask> tasks;
    for (Index i = 0; i < u.size(); ++i) {
      const auto level = std::min(static_cast<std::size_t>(u[i] * config_.levels), marginals_.size() - 1);
      t[i] = times_[level];
      tasks.push_back(noise_task(learner, t[i], marginals_[level]));
    }
    const at::Tensor z = noise.normal(Purpose::perturbation, items.x0);
    Losses losses = denoising_losses(learner, items.x0, z, tasks, config_.reduce_mean);
    losses.t = t;
    return losses;
  }

 private:
  // noise = -sigma(t) score = -sigma(t) (score_x x_t + score_f F), so F should be -(z / sigma(t) + score_x x_t) /
  // score_f.
  static DenoisingTask noise_task(const Learner& learner, double t, const Marginal& m) {
    const Preconditioning at = learner.preconditioning(t);
    const double sigma = learner.sde().marginal(t).sigma;
    return {m, at, -at.score_x * m.alpha / at.score_f, -(1 / sigma + at.score_x * m.sigma) / at.score_f,
            sigma * sigma * at.score_f * at.score_f};
  }

  ObjectiveConfig config_;
  std::vector<Marginal> marginals_;
  std::vector<double> times_;
};

}  // namespace

std::unique_ptr<Objective> make_ddpm(const ObjectiveConfig& config, const Sde& sde, const Score*) {
  if (sde.name() != "vp")
    fail(Failure::usage, "objective ddpm is defined for sde vp, not for {}; dsm serves every sde", sde.name());
  return std::make_unique<DiscreteNoisePrediction>(config, sde);
}

}  // namespace scoresde
