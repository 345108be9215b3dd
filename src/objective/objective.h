#pragma once
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "objective/learner.h"
#include "objective/objective_config.h"
#include "score/score.h"

namespace scoresde {

/// The samples of a batch.
struct TrainingItems {
  at::Tensor x0;                                ///< (B, C, H, W) or (B, D), in model units
  at::Tensor labels;                            ///< (B) int64, or undefined where the data has none
  std::span<const std::uint64_t> samples = {};  ///< their running numbers, as the noise knows them
};

/// What an objective says about a batch.
struct Losses {
  at::Tensor values;   ///< (B): the loss of every sample; the training loss is their mean
  Times t;             ///< the time of every sample; empty where an objective has none
  at::Tensor output;   ///< the network's raw output, to tell where something went wrong
  at::Tensor correct;  ///< (B) 1 or 0; classifiers only
};

/// A training objective: the loss of every sample of a batch. All randomness comes from `noise`.
class Objective {
 public:
  virtual ~Objective() = default;

  /// Called once before a training batch's loss, for objectives that carry something along from batch to batch.
  virtual void advance(const Learner&, const TrainingItems&, const TrainingNoise&) {}

  /// What is carried along, by name, and back: with it a resumed run is the uninterrupted one. Most carry nothing.
  virtual std::map<std::string, at::Tensor> carried() const { return {}; }
  virtual void restore(const std::map<std::string, at::Tensor>&) {}

  virtual Losses operator()(const Learner& learner, const TrainingItems& items, const TrainingNoise& noise) const = 0;
};

/// The objective that `config` names. `oracle`: the true score, for objectives that compare with one; it outlives the
/// result. Error{usage} for unknown names, for an SDE the objective is not defined for, and where an oracle is missing.
std::unique_ptr<Objective> make_objective(const ObjectiveConfig& config, const Sde& sde, const Score* oracle = nullptr);

// One maker a row of the table in objective_config.h, defined in its own file.
std::unique_ptr<Objective> make_dsm(const ObjectiveConfig& config, const Sde& sde, const Score* oracle);
std::unique_ptr<Objective> make_smld(const ObjectiveConfig& config, const Sde& sde, const Score* oracle);
std::unique_ptr<Objective> make_ddpm(const ObjectiveConfig& config, const Sde& sde, const Score* oracle);
std::unique_ptr<Objective> make_esm(const ObjectiveConfig& config, const Sde& sde, const Score* oracle);
std::unique_ptr<Objective> make_ism(const ObjectiveConfig& config, const Sde& sde, const Score* oracle);
std::unique_ptr<Objective> make_ssm(const ObjectiveConfig& config, const Sde& sde, const Score* oracle);
std::unique_ptr<Objective> make_ssm_vr(const ObjectiveConfig& config, const Sde& sde, const Score* oracle);
std::unique_ptr<Objective> make_fd_ssm(const ObjectiveConfig& config, const Sde& sde, const Score* oracle);
std::unique_ptr<Objective> make_cd(const ObjectiveConfig& config, const Sde& sde, const Score* oracle);
std::unique_ptr<Objective> make_pcd(const ObjectiveConfig& config, const Sde& sde, const Score* oracle);
std::unique_ptr<Objective> make_cross_entropy(const ObjectiveConfig& config, const Sde& sde, const Score* oracle);

}  // namespace scoresde
