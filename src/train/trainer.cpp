#include "train/trainer.h"

#include <algorithm>
#include <cmath>

#include "core/clock.h"
#include "nn/network_score.h"
#include "nn/threads.h"
#include "train/journal.h"
#include "train/learn.h"
#include "train/run_folder.h"

namespace scoresde {
namespace {

Json finite_or_null(double value) { return std::isfinite(value) ? Json(value) : Json(); }

// Images per second over the last second or so.
class RateMeter {
 public:
  double add(double seconds, long long images) {
    if (seconds - start_seconds_ >= 1) {
      if (started_) rate_ = static_cast<double>(images - start_images_) / (seconds - start_seconds_);
      start_seconds_ = seconds;
      start_images_ = images;
      started_ = true;
    }
    return rate_;
  }

 private:
  bool started_ = false;
  double start_seconds_ = -1e9, rate_ = 0;
  long long start_images_ = 0;
};

/// The loop around Training: clock, budget, records, checkpoints, hooks.
class Run {
 public:
  Run(const RunConfig& config, const Dataset& data, Training& training, const TrainOptions& options)
      : config_(config),
        options_(options),
        training_(training),
        store_(options.out / "checkpoints"),
        data_checksum_(data_checksum(data)) {
    if (options.force && !options.resume) remove_old_run(options.out);
    restore();
    write_atomically(options.out / "config.toml", to_toml(config_));
    journal_ = std::make_unique<Journal>(
        options.out, options.resume ? std::optional<std::int64_t>(state_.step) : std::nullopt, options.on_message);
  }

  TrainResult go();

 private:
  double seconds() const { return state_.seconds + watch_.seconds(); }
  double share() const;
  bool due(long long period, long long images_before) const {
    return period > 0 && training_.images() / period != images_before / period;
  }
  bool checkpoint_due(long long images_before) const {
    const bool time_is_up =
        config_.checkpoint.minutes > 0 && seconds() - last_checkpoint_ >= 60 * config_.checkpoint.minutes;
    return time_is_up || due(config_.checkpoint.every, images_before);
  }

  void restore();
  void count(const UpdateReport& report);
  void record(const UpdateReport& report);
  void validate();
  void draw_samples();
  void save();
  void show(const UpdateReport& report);
  void finish(TrainOutcome outcome, const std::string& message);

  const RunConfig& config_;
  const TrainOptions& options_;
  Training& training_;
  CheckpointStore store_;
  std::uint32_t data_checksum_;
  TrainCounters state_;
  std::unique_ptr<Journal> journal_;
  TrainResult result_;
  Stopwatch watch_;
  RateMeter rate_;
  bool resumed_ = false;
  double last_checkpoint_ = 0, images_per_second_ = 0;
  long long validated_step_ = -1, sampled_step_ = -1, saved_step_ = -1;
};

double Run::share() const {
  double used = 0;
  if (config_.budget.images > 0)
    used = static_cast<double>(training_.images()) / static_cast<double>(config_.budget.images);
  if (config_.budget.minutes > 0) used = std::max(used, seconds() / (60 * config_.budget.minutes));
  return std::min(used, 1.0);
}

void Run::restore() {
  if (options_.resume) {
    if (auto state = store_.load()) {
      require_same_settings(config_, state->config);
      if (state->data_checksum != data_checksum_)
        fail(Failure::data, "{} is not the data this run began with (its checksum differs)", config_.data.source);
      training_.restore(*state);
      state_ = *state;
      resumed_ = true;
      saved_step_ = state_.step;
    }
  }
  last_checkpoint_ = state_.seconds;
}

TrainResult Run::go() {
  result_.parameters = training_.network().graph().parameter_count();
  result_.validation = result_.accuracy = std::numeric_limits<double>::quiet_NaN();
  journal_->message(seconds(),
                    fmt::format("{} step {}: {} parameters, {} items, {} threads, seed {}",
                                resumed_ ? "resumed at" : "started at", training_.step(), grouped(result_.parameters),
                                grouped(static_cast<long long>(training_.training_items())), threads(), config_.seed));
  if (const std::string note = unmet_attention(config_.net, training_.network().graph()); !note.empty())
    journal_->message(seconds(), note);
  if (resumed_ && state_.threads != threads())
    journal_->message(seconds(), fmt::format("{} threads before, {} now: the last bits will differ from an "
                                             "uninterrupted run",
                                             state_.threads, threads()));
  const long long first_step = training_.step();
  while (share() < 1) {
    if (options_.stop && *options_.stop) {
      finish(TrainOutcome::interrupted, "interrupted; --resume goes on from here");
      return result_;
    }
    const long long images_before = training_.images();
    const UpdateReport report = training_.update(share());
    count(report);
    if (state_.bad_in_row >= config_.max_bad_steps) {
      finish(TrainOutcome::numerical_failure,
             fmt::format("stopped after {} steps in a row that were not finite; the last: {}", state_.bad_in_row,
                         report.problem));
      return result_;
    }
    show(report);
    if (due(config_.log.every, images_before)) record(report);
    if (due(config_.validation.every, images_before)) validate();
    if (due(config_.log.samples_every, images_before)) draw_samples();
    if (checkpoint_due(images_before) && state_.bad_in_row == 0 && training_.problem().empty()) save();
  }
  if (training_.step() > first_step && config_.log.samples_every > 0) draw_samples();
  finish(TrainOutcome::done, fmt::format("done: {} steps, {} items, {}", training_.step(), grouped(training_.images()),
                                         duration_text(seconds())));
  return result_;
}

void Run::count(const UpdateReport& report) {
  images_per_second_ = rate_.add(seconds(), training_.images());
  if (report.problem.empty()) {
    state_.bad_in_row = 0;
    result_.loss = report.loss;
    state_.interval_loss += report.loss;
    state_.interval_norm += report.grad_norm;
    ++state_.interval_updates;
    return;
  }
  ++state_.bad_steps;
  ++state_.bad_in_row;
  journal_->message(seconds(), report.problem + "; skipped");
  journal_->metrics({{"step", training_.step()}, {"images", training_.images()}, {"problem", report.problem}});
}

void Run::record(const UpdateReport& report) {
  const double n = static_cast<double>(std::max(state_.interval_updates, 1LL));
  journal_->metrics({{"step", training_.step()},
                     {"images", training_.images()},
                     {"seconds", seconds()},
                     {"loss", state_.interval_updates > 0 ? finite_or_null(state_.interval_loss / n) : Json()},
                     {"grad_norm", state_.interval_updates > 0 ? finite_or_null(state_.interval_norm / n) : Json()},
                     {"lr", report.lr},
                     {"ema_decay", report.ema_decay},
                     {"images_per_second", images_per_second_},
                     {"bad_steps", state_.bad_steps}});
  state_.interval_loss = state_.interval_norm = 0;
  state_.interval_updates = 0;
}

void Run::validate() {
  if (!training_.has_validation() || validated_step_ == training_.step()) return;
  const ValidationReport report = training_.validate();
  validated_step_ = training_.step();
  result_.validation = report.loss;
  result_.accuracy = report.accuracy;
  Json line = {{"step", training_.step()},
               {"images", training_.images()},
               {"seconds", seconds()},
               {"validation", finite_or_null(report.loss)}};
  if (std::isfinite(report.accuracy)) line["accuracy"] = report.accuracy;
  for (double value : report.by_log_snr) line["validation_by_log_snr"].push_back(finite_or_null(value));
  journal_->metrics(line);
  journal_->message(
      seconds(),
      fmt::format("{} items: validation loss {:.5g}{}", grouped(training_.images()), report.loss,
                  std::isfinite(report.accuracy) ? fmt::format(", accuracy {:.2f} %", 100 * report.accuracy) : ""));
}

void Run::draw_samples() {
  if (!options_.on_samples || training_.classifies() || sampled_step_ == training_.step()) return;
  if (!training_.problem().empty()) return;
  sampled_step_ = training_.step();
  const ModelSpec spec = training_.spec();
  const NetworkScore average(spec, training_.average()), raw(spec, training_.network().parameters());
  TrainState state;
  training_.save(state);
  options_.on_samples({training_.step(), training_.images(), spec, training_.sde(), average, raw,
                       model_hash(spec, state.average), model_hash(spec, state.weights)});
}

void Run::save() {
  if (saved_step_ == training_.step()) return;
  validate();
  if (validated_step_ == training_.step() && result_.validation < state_.best_validation) {
    state_.best_validation = result_.validation;
    state_.best_step = training_.step();
  }
  TrainState state{state_, to_json(config_), {}, {}, {}, {}, {}};
  training_.save(state);
  state.seconds = seconds();
  state.data_checksum = data_checksum_;
  state.threads = threads();
  store_.save(state, training_.spec());
  saved_step_ = training_.step();
  last_checkpoint_ = seconds();
}

void Run::show(const UpdateReport& report) {
  if (!options_.on_progress) return;
  TrainStatus status{training_.step(), training_.images(), seconds(), share(), 0, report.loss, images_per_second_};
  const double session = watch_.seconds();
  const double left_by_time = 60 * config_.budget.minutes - status.seconds;
  const double rate = images_per_second_ > 0
                          ? images_per_second_
                          : static_cast<double>(status.images - state_.images) / std::max(session, 1e-9);
  const double left_by_images = static_cast<double>(config_.budget.images - status.images) / std::max(rate, 1e-9);
  status.eta_seconds = config_.budget.minutes <= 0  ? left_by_images
                       : config_.budget.images <= 0 ? left_by_time
                                                    : std::min(left_by_time, left_by_images);
  status.eta_seconds = std::max(status.eta_seconds, 0.0);
  options_.on_progress(status);
}

void Run::finish(TrainOutcome outcome, const std::string& message) {
  const std::string problem = training_.problem();
  if (problem.empty() && outcome != TrainOutcome::numerical_failure) save();
  result_.outcome = problem.empty() ? outcome : TrainOutcome::numerical_failure;
  result_.message = problem.empty() || outcome == TrainOutcome::numerical_failure ? message : "stopped: " + problem;
  journal_->message(seconds(), result_.message);
  result_.steps = training_.step();
  result_.images = training_.images();
  result_.seconds = seconds();
  result_.bad_steps = state_.bad_steps;
  if (fs::exists(store_.latest_model())) result_.model = store_.latest_model();
}

}  // namespace

TrainResult train_run(const RunConfig& config, const TrainOptions& options) {
  if (config.budget.minutes <= 0 && config.budget.images <= 0)
    fail(Failure::usage, "training needs a budget: --minutes M or --images N");
  if (options.threads > 0) set_threads(options.threads);
  const Dataset data = load_configured_data(config);
  const RunConfig resolved = resolve_config(config, data);
  Training training(resolved, data);  // refuses what does not fit together before anything is written
  prepare_folder(options);
  const FolderLock lock(options.out);
  return Run(resolved, data, training, options).go();
}

}  // namespace scoresde
