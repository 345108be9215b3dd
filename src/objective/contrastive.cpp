#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/index_copy.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/where.h>

#include <cmath>
#include <limits>

#include "objective/noise_levels.h"
#include "objective/objective.h"

namespace scoresde {
namespace {

// `steps` of x += h score + sqrt(2 h) z with h = step sigma^2, one time a sample. Draw 0 of the negatives' noise is
// left to uniform numbers.
at::Tensor langevin_walk(const ObjectiveConfig& config, const Learner& learner, at::Tensor x, const Times& t,
                         const TrainingNoise& noise) {
  const at::NoGradGuard guard;
  const Times h = config.langevin_step * marginals(learner.sde(), t).sigma.square();
  const at::Tensor drift = per_sample(h, x), spread = per_sample((2 * h).sqrt(), x);
  for (int k = 1; k <= config.langevin_steps; ++k)
    x = x + drift * learner.score(x, t) + spread * noise.normal(Purpose::negatives, x, static_cast<std::uint32_t>(k));
  return x;
}

// E(x_t) - E(negative): its gradient is that of -log p_t(x_t) where the negatives have the model's law.
Losses likelihood_losses(const ObjectiveConfig& config, const Learner& learner, const at::Tensor& x,
                         const at::Tensor& negatives, const Times& t, const Times& weight) {
  Losses losses;
  losses.t = t;
  const at::Tensor gap = learner.energy(x, t) - learner.energy(negatives, t);
  losses.output = gap.detach().reshape({-1, 1});
  const double size = config.reduce_mean ? static_cast<double>(x[0].numel()) : 1;
  losses.values = gap * per_sample(weight / size, gap);
  return losses;
}

/// Contrastive divergence (Hinton 2002) at drawn noise levels: negatives are a few Langevin steps from x_t itself.
/// As the step grows small it is score matching with the weight sigma^2 (Hyvarinen 2007), so no weighting is read.
class ContrastiveDivergence : public Objective {
 public:
  ContrastiveDivergence(const ObjectiveConfig& config, const Sde& sde) : levels_(config, sde), config_(config) {}

  Losses operator()(const Learner& learner, const TrainingItems& items, const TrainingNoise& noise) const override {
    const Times u = noise.uniform(Purpose::time);
    Times t(u.size()), weight(u.size());
    for (Index i = 0; i < u.size(); ++i) {
      const TimeDraw drawn = levels_.time_of(learner.sde(), u[i]);
      t[i] = drawn.t;
      weight[i] = drawn.factor;
    }
    const at::Tensor x = perturbed(learner.sde(), items.x0, t, noise.normal(Purpose::perturbation, items.x0));
    return likelihood_losses(config_, learner, x, langevin_walk(config_, learner, x, t, noise), t, weight);
  }

 private:
  NoiseLevels levels_;
  ObjectiveConfig config_;
};

/// Persistent contrastive divergence (Tieleman 2008) at noise levels: sample k belongs to chain k mod n, and a chain
/// keeps its time, so that it stays in the law of one t while the weights move slowly under it. Times of consecutive
/// chains are a golden-ratio sequence through the time sampling. A chain starts from its first sample's x_t.
class PersistentChains : public Objective {
 public:
  PersistentChains(const ObjectiveConfig& config, const Sde& sde) : levels_(config, sde), config_(config) {}

  void advance(const Learner& learner, const TrainingItems& items, const TrainingNoise& noise) override {
    if (static_cast<std::size_t>(config_.chains) < items.samples.size())
      fail(Failure::usage, "objective.chains = {} are fewer than the {} items of a batch", config_.chains,
           items.samples.size());
    if (!chains_.defined()) {
      std::vector<std::int64_t> shape = items.x0.sizes().vec();
      shape[0] = config_.chains;
      chains_ = at::full(shape, std::numeric_limits<double>::quiet_NaN(), items.x0.options());
    }
    const Chosen chosen = choose(learner, items);
    at::Tensor start = started(items, learner, noise, chosen);
    const Times u = noise.uniform(Purpose::negatives);
    const at::Tensor fresh = per_sample((u < config_.restart).cast<double>(), start).gt(0);
    start = at::where(fresh, positives(items, learner, noise, chosen), start);
    const at::Tensor moved = langevin_walk(config_, learner, start, chosen.t, noise);
    chains_.index_copy_(0, chain_indices(items), moved);
  }

  Losses operator()(const Learner& learner, const TrainingItems& items, const TrainingNoise& noise) const override {
    const Chosen chosen = choose(learner, items);
    return likelihood_losses(config_, learner, positives(items, learner, noise, chosen),
                             started(items, learner, noise, chosen), chosen.t, chosen.weight);
  }

  std::map<std::string, at::Tensor> carried() const override {
    if (!chains_.defined()) return {};
    return {{"chains", chains_}};
  }

  void restore(const std::map<std::string, at::Tensor>& carried) override {
    const auto found = carried.find("chains");
    if (found == carried.end()) return;
    if (found->second.dim() < 1 || found->second.size(0) != config_.chains)
      fail(Failure::data, "the training state does not hold the {} chains of objective pcd", config_.chains);
    chains_ = found->second;
  }

 private:
  struct Chosen {
    Times t, weight;
  };

  std::int64_t chain_of(std::uint64_t sample) const {
    return static_cast<std::int64_t>(sample % static_cast<std::uint64_t>(config_.chains));
  }

  at::Tensor chain_indices(const TrainingItems& items) const {
    const at::Tensor result =
        at::empty({static_cast<std::int64_t>(items.samples.size())}, at::TensorOptions(at::kLong));
    for (std::size_t i = 0; i < items.samples.size(); ++i)
      result.data_ptr<std::int64_t>()[i] = chain_of(items.samples[i]);
    return result.to(chains_.device());
  }

  Chosen choose(const Learner& learner, const TrainingItems& items) const {
    Chosen chosen{Times(static_cast<Index>(items.samples.size())), Times(static_cast<Index>(items.samples.size()))};
    for (Index i = 0; i < chosen.t.size(); ++i) {
      const auto chain = static_cast<std::uint64_t>(chain_of(items.samples[static_cast<std::size_t>(i)]));
      const double u = (static_cast<double>((chain * 0x9E3779B97F4A7C15ull) >> 12) + 0.5) * 0x1p-52;
      const TimeDraw drawn = levels_.time_of(learner.sde(), u);
      chosen.t[i] = drawn.t;
      chosen.weight[i] = drawn.factor;
    }
    return chosen;
  }

  at::Tensor positives(const TrainingItems& items, const Learner& learner, const TrainingNoise& noise,
                       const Chosen& chosen) const {
    return perturbed(learner.sde(), items.x0, chosen.t, noise.normal(Purpose::perturbation, items.x0));
  }

  // The chains of these samples; x_t in place of one that has not started or has run away.
  at::Tensor started(const TrainingItems& items, const Learner& learner, const TrainingNoise& noise,
                     const Chosen& chosen) const {
    const at::Tensor fallback = positives(items, learner, noise, chosen);
    if (!chains_.defined()) return fallback;
    const at::Tensor values = chains_.index_select(0, chain_indices(items));
    std::vector<std::int64_t> one_a_sample(static_cast<std::size_t>(values.dim()), 1);
    one_a_sample[0] = values.size(0);
    return at::where(at::isfinite(values).flatten(1).all(1).reshape(one_a_sample), values, fallback);
  }

  NoiseLevels levels_;
  ObjectiveConfig config_;
  at::Tensor chains_;  ///< (chains, ...); NaN: not started
};

}  // namespace

std::unique_ptr<Objective> make_cd(const ObjectiveConfig& config, const Sde& sde, const Score*) {
  return std::make_unique<ContrastiveDivergence>(config, sde);
}

std::unique_ptr<Objective> make_pcd(const ObjectiveConfig& config, const Sde& sde, const Score*) {
  return std::make_unique<PersistentChains>(config, sde);
}

}  // namespace scoresde
