#pragma once
#include <atomic>
#include <functional>
#include <string>

#include "core/file.h"
#include "net/model.h"
#include "score/score.h"
#include "train/config.h"

// Free of LibTorch: the command line includes this and opens the library behind it only when it trains.
namespace scoresde {

/// Where a run stands; given to TrainOptions::on_progress after every update.
struct TrainStatus {
  long long step = 0, images = 0;
  double seconds = 0;  ///< wall time spent, resumed parts included
  double share = 0;    ///< of the budget that is used up, 0 to 1
  double eta_seconds = 0;
  double loss = 0;               ///< of the last update
  double images_per_second = 0;  ///< over the last second or so
};

/// The model as it is at some moment, to draw samples from.
struct TrainSnapshot {
  long long step, images;
  const ModelSpec& spec;
  const Sde& sde;
  const Score& average;                ///< moving average of the weights
  const Score& raw;                    ///< the weights themselves
  std::string average_hash, raw_hash;  ///< model_hash() of a model file of either
};

struct TrainOptions {
  fs::path out;         ///< the run folder
  bool resume = false;  ///< go on from checkpoints/latest; from the beginning where there is none yet
  bool force = false;   ///< replace an existing run
  int threads = 0;      ///< 0: as set_threads() was told
  const std::atomic<bool>* stop = nullptr;  ///< when it turns true the step is finished and a checkpoint written
  std::function<void(const TrainStatus&)> on_progress;
  std::function<void(const TrainSnapshot&)> on_samples;  ///< every log.samples_every images and at the end
  std::function<void(const std::string&)> on_message;    ///< one sentence at a time, for a person; log.txt has them too
};

enum class TrainOutcome {
  done,               ///< a budget is used up
  interrupted,        ///< `stop` was set; a checkpoint was written
  numerical_failure,  ///< max_bad_steps non-finite steps in a row; the last good checkpoint stands
};

struct TrainResult {
  TrainOutcome outcome = TrainOutcome::done;
  long long steps = 0, images = 0, bad_steps = 0, parameters = 0;
  double seconds = 0;
  double loss = 0;        ///< of the last update
  double validation = 0;  ///< the last validation loss; NaN where there is none
  double accuracy = 0;    ///< classifiers: on the held-out items; NaN otherwise
  fs::path model;         ///< the last checkpoint's model
  std::string message;    ///< what happened, in one sentence
};

/// Trains until a budget is used up and leaves in `options.out`: config.toml (resolved), log.txt, metrics.jsonl and
/// checkpoints/ (latest, best).
///
/// Everything random is addressed by (seed, purpose, running number of the training item), so training that was killed
/// at any moment and resumed ends with the same bits as training that was never interrupted, given the same number of
/// threads and a budget in images. A minute is not reproducible.
///
/// Error{usage}: no budget, an existing run without `resume` or `force`, a setting changed since the run began.
/// Error{data}: the data, or a checkpoint, is damaged or not what the run began with.
TrainResult train_run(const RunConfig& config, const TrainOptions& options);

/// What a run would cost.
struct TrainForecast {
  RunConfig config;  ///< resolved
  long long parameters = 0, multiply_adds = 0, items = 0;
  double memory_bytes = 0;      ///< parameters, optimiser and activations; an upper estimate
  double seconds_per_step = 0;  ///< measured on this machine
  double images_per_second = 0;
  double seconds = 0;    ///< of the whole budget
  long long images = 0;  ///< of the whole budget
};

/// Resolves the config, takes two steps without writing anything, and extrapolates; where a step would take long, two
/// passes of one item, made smaller where that would take long. Errors as train_run.
TrainForecast forecast_run(const RunConfig& config, const TrainOptions& options);

struct Dataset;

/// The data that a run trains on.
Dataset load_configured_data(const RunConfig& config);

/// `config` with everything filled in that depends on the data (sde.sigma_max of ve, data_std, net.classes of a
/// classifier), as config.toml has it. Error{usage} where settings do not fit the data.
RunConfig resolve_config(RunConfig config, const Dataset& data);

}  // namespace scoresde
