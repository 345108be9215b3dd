#pragma once
#include <memory>
#include <span>
#include <string_view>

#include "objective/learner.h"
#include "objective/objective_config.h"

namespace scoresde {

/// The samples of a batch.
struct TrainingItems {
  at::Tensor x0;      ///< (B, C, H, W) or (B, D), in model units
  at::Tensor labels;  ///< (B) int64, or undefined where the data has none
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
  virtual Losses operator()(const Learner& learner, const TrainingItems& items, const TrainingNoise& noise) const = 0;
};

/// The objective that `config` names. Error{usage} for unknown names and for an SDE it is not defined for.
std::unique_ptr<Objective> make_objective(const ObjectiveConfig& config, const Sde& sde);

// One maker a row of the table in objective_config.h, defined in its own file.
std::unique_ptr<Objective> make_dsm(const ObjectiveConfig& config, const Sde& sde);
std::unique_ptr<Objective> make_smld(const ObjectiveConfig& config, const Sde& sde);
std::unique_ptr<Objective> make_ddpm(const ObjectiveConfig& config, const Sde& sde);
std::unique_ptr<Objective> make_cross_entropy(const ObjectiveConfig& config, const Sde& sde);

}  // namespace scoresde
