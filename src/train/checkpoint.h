#pragma once
#include <limits>
#include <map>
#include <optional>
#include <string>

#include "core/config.h"
#include "core/safetensors.h"
#include "net/model.h"

namespace scoresde {

/// Where a run stands.
struct TrainCounters {
  long long step = 0, images = 0, updates = 0, bad_steps = 0, bad_in_row = 0;
  double seconds = 0, interval_loss = 0, interval_norm = 0;
  long long interval_updates = 0, best_step = -1;
  double best_validation = std::numeric_limits<double>::max();
  std::uint32_t data_checksum = 0;
  int threads = 0;

  static constexpr auto fields() {
    constexpr Range count{0, 9e15};
    return std::tuple{
        field("step", &TrainCounters::step, "steps taken, bad ones included", count),
        field("images", &TrainCounters::images, "training items seen: the data cursor", count),
        field("updates", &TrainCounters::updates, "updates of the optimiser", count),
        field("bad_steps", &TrainCounters::bad_steps, "steps that were not finite", count),
        field("bad_in_row", &TrainCounters::bad_in_row, "the last ones of these without a good one between", count),
        field("seconds", &TrainCounters::seconds, "wall time spent", count),
        field("interval_loss", &TrainCounters::interval_loss, "sum since the last line of metrics.jsonl"),
        field("interval_norm", &TrainCounters::interval_norm, "sum since the last line of metrics.jsonl"),
        field("interval_updates", &TrainCounters::interval_updates, "how many these sums hold", count),
        field("best_step", &TrainCounters::best_step, "step of the best validation loss; -1: none yet", {-1, 9e15}),
        field("best_validation", &TrainCounters::best_validation, "that loss"),
        field("data_checksum", &TrainCounters::data_checksum, "of the data that the run began with"),
        field("threads", &TrainCounters::threads, "another number gives other bits", {0, 1e6})};
  }
};

/// Everything a run needs to go on as if it had never stopped. What it does not hold (data order, noise, dropout) is a
/// function of the seed and of `images`.
struct TrainState : TrainCounters {
  Json config;  ///< resolved
  std::map<std::string, Tensor> weights, average, first_moments, second_moments;
  std::map<std::string, Tensor> objective;  ///< what the objective carries along (persistent chains)
};

/// The folder checkpoints/ of a run:
///   step_000001234/model.safetensors   the moving average with its description: all that sampling needs
///   step_000001234/state.safetensors   weights, optimiser moments, the objective's state; counters and config as
///   metadata latest, best                       symbolic links to two of them
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
