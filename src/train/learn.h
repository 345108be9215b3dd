#pragma once
#include <memory>
#include <string>
#include <vector>

#include "nn/engine_network.h"
#include "nn/network.h"
#include "objective/objective.h"
#include "train/batch_ahead.h"
#include "train/checkpoint.h"
#include "train/items.h"
#include "train/optimizer.h"

namespace scoresde {

/// Whether the engine evaluates and differentiates the network in training: LibTorch does where `exact` is set, on
/// other devices, and for objectives that differentiate twice.
bool trains_on_engine(const RunConfig& config, const Graph& graph);

/// The exact score of the training set's own law, for objectives that compare with one; null for the others.
std::unique_ptr<Score> truth_of(const RunConfig& config, const Dataset& data, const Sde& sde);

/// What one update did.
struct UpdateReport {
  double loss = 0, grad_norm = 0, lr = 0, ema_decay = 0;
  std::string problem;  ///< what was not finite, in one sentence; empty where the update was made
};

/// The held-out loss with the averaged weights at times and noise that never change.
struct ValidationReport {
  double loss = 0, accuracy = 0;   ///< accuracy: NaN unless the objective classifies
  std::vector<double> by_log_snr;  ///< mean loss in eight equal bins of the log-SNR, from noise to data; NaN: empty
};

/// A model in the course of training: weights, their average, the optimiser, and the position in the data. It knows no
/// clock, files or budgets.
class Training {
 public:
  /// `config` is resolved (resolve_config) and, like `data`, outlives this. Error{usage} where it does not fit
  /// together.
  Training(const RunConfig& config, const Dataset& data);

  /// Takes the next batch x accumulation items and makes one update. Where a loss or gradient is not finite the items
  /// count as seen and the weights stay. `budget_share`: of the budget used up so far, for the learning rate's decay.
  UpdateReport update(double budget_share = 0);

  ValidationReport validate() const;
  bool has_validation() const { return source_.validation_count() > 0; }
  std::size_t training_items() const { return source_.training_count(); }

  /// What of the weights or of their average is not finite, in one sentence; "" where a checkpoint would be sound.
  std::string problem() const;

  /// Counters, weights, average and moments; the rest of a TrainState belongs to the caller.
  void save(TrainState& state) const;
  /// Error{data} where names or shapes do not fit.
  void restore(const TrainState& state);

  ModelSpec spec() const;
  const Sde& sde() const { return *sde_; }
  const Network& network() const { return network_; }
  const std::vector<at::Tensor>& average() const { return average_; }
  bool classifies() const { return classifies_; }
  bool on_engine() const { return engine_ != nullptr; }
  long long step() const { return step_; }
  long long images() const { return images_; }

 private:
  Learner learner_of(const ItemBatch& batch, const std::vector<at::Tensor>& parameters, bool training) const;
  Losses losses_of(const ItemBatch& batch, const std::vector<at::Tensor>& parameters, bool training) const;
  std::vector<at::Tensor> gradients() const;

  const RunConfig& config_;
  const Dataset& data_;
  std::unique_ptr<Sde> sde_;
  const PredictionEntry& prediction_;
  std::unique_ptr<Score> oracle_;  ///< for objectives that compare with the truth
  std::unique_ptr<Objective> objective_;
  bool classifies_;
  Network network_;
  std::unique_ptr<EngineNetwork> engine_;  ///< evaluates network_'s graph; null: LibTorch does
  std::vector<at::Tensor> average_;
  std::vector<std::size_t> trainable_;  ///< indices of the parameters the optimiser has
  std::unique_ptr<Adam> adam_;
  ItemSource source_;
  BatchAhead ahead_;
  long long step_ = 0, images_ = 0;
};

/// Heights of net.attention that no map of the network has, in one sentence; "" where all are met.
std::string unmet_attention(const NetConfig& config, const Graph& graph);

/// The name of the first parameter that holds something not finite; "" where all are finite.
std::string first_not_finite(const Graph& graph, const std::vector<at::Tensor>& parameters);

/// One sentence on the first thing in a batch that is not finite, in the order data, weights, network output, loss:
/// which step, which items, which times.
std::string explain_bad_loss(long long step, const ItemBatch& batch, const Losses& losses, const Network& network);

/// The same for gradients of finite losses; list parallel to `names`.
std::string explain_bad_gradient(long long step, const ItemBatch& batch, const Losses& losses,
                                 const std::vector<std::string>& names, const std::vector<at::Tensor>& gradients);

}  // namespace scoresde
