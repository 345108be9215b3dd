#pragma once
#include <limits>
#include <map>
#include <optional>
#include <string>

#include "core/config.h"
#include "core/safetensors.h"
#include "net/model.h"

namespace scoresde {

/// Everything a run needs to go on as if it had never stopped. What it does not hold (data order, noise, dropout) is a
/// function of the seed and of `images`, the data cursor.
struct TrainState {
  long long step = 0, images = 0, updates = 0, bad_steps = 0, bad_in_row = 0;
  double seconds = 0;                           ///< wall time spent
  double interval_loss = 0, interval_norm = 0;  ///< sums since the last line of metrics.jsonl
  long long interval_updates = 0;
  double best_validation = std::numeric_limits<double>::infinity();
  long long best_step = -1;
  Json config;  ///< resolved
  std::uint32_t data_checksum = 0;
  int threads = 0;  ///< another number gives other bits
  std::map<std::string, Tensor> weights, average, first_moments, second_moments;
};

/// The folder checkpoints/ of a run:
///   step_000001234/model.safetensors   the moving average with its description: all that sampling needs
///   step_000001234/state.safetensors   weights and optimiser moments
///   step_000001234/state.json          counters, seconds, config
///   latest, best                       symbolic links to two of them
/// A set is written in a folder aside and renamed, and `latest` then swapped by one rename: whenever the program is
/// killed, `latest` names one complete generation.
class CheckpointStore {
 public:
  explicit CheckpointStore(fs::path folder) : folder_(std::move(folder)) {}

  /// Writes the set, swaps `latest`, swaps `best` to state.best_step, removes all other sets.
  void save(const TrainState& state, const ModelSpec& spec) const;

  /// The state `latest` names, or nothing where there is no checkpoint yet. Repairs `best`, which a kill may have left
  /// one generation behind. Error{data} where the set is damaged.
  std::optional<TrainState> load() const;

  fs::path latest_model() const { return folder_ / "latest" / "model.safetensors"; }

 private:
  std::string set_name(long long step) const;
  void swap_link(const std::string& link, const std::string& set) const;
  void prune() const;

  fs::path folder_;
};

}  // namespace scoresde
