#pragma once
#include <memory>
#include <string>

#include "cli/app.h"
#include "cli/model_score.h"
#include "data/dataset.h"
#include "likelihood/flow.h"
#include "net/model.h"
#include "report/progress.h"

namespace scoresde {

/// What the commands along the probability flow have in common.
struct FlowFlags {
  std::string run;
  EngineChoice engine;
  FlowOptions flow;
  int class_label = -1;
  Index batch = 32;
};
void add_flow_flags(CLI::App& command, FlowFlags& flags);

/// Error{usage} where a setting was given that the chosen integrator would ignore.
void check_flow_flags(const CLI::App& command, const FlowFlags& flags);

/// A model with its SDE and its score, conditioned as asked.
struct FlowModel {
  explicit FlowModel(const FlowFlags& flags);

  /// Makes `score`; apart, because what is wrong in the data is told before a network is loaded.
  void load(const FlowFlags& flags, const CommonFlags& common, ScoreUse use = ScoreUse::values);

  Model model;
  std::unique_ptr<Sde> sde;
  std::unique_ptr<Score> score;
};

/// DATA as a model takes it: columns of tables by the mean and deviation of its training. Error{data} where the items
/// have another form or there are none.
Dataset load_for_model(const std::string& data, const ModelSpec& spec);

/// Rows in model units of a table's or picture's values that are not finite are Error{data}.
void require_finite(const Batch& rows, const std::string& where);

/// A score that tells how far a long task is, and stops it on Ctrl-C with Error{run}.
class WatchedScore : public Score {
 public:
  WatchedScore(const Score& score, Progress& progress) : score_(score), progress_(progress) {}

  /// Items done before the present batch.
  void start_batch(Index done) { done_ = done, calls_ = 0; }

  Batch operator()(const Batch& x, const Times& t) const override;
  Batch vjp(const Batch& x, const Times& t, const Batch& v) const override;
  ScoreAndVjps with_vjps(const Batch& x, const Times& t, std::span<const Batch> v) const override;
  Index dimension() const override { return score_.dimension(); }

 private:
  void tell() const;

  const Score& score_;
  Progress& progress_;
  Index done_ = 0;
  mutable int calls_ = 0;
};

/// Rows carried along the flow batch by batch, from t_min to t_max (`encode`) or back. Latents are in units of the
/// prior's standard deviation: N(0, I) for every SDE. Rows that fail are named in `failures`.
struct CarriedRows {
  Batch rows;
  double mean_nfe = 0, seconds = 0;
  std::vector<std::string> failures;
};
CarriedRows carry_rows(const FlowModel& model, const Batch& rows, bool encode, const FlowFlags& flags, bool quiet);

/// Error{numerical} that names the first of `failures`, where there are any.
void require_no_failures(const std::vector<std::string>& failures, Index count);

}  // namespace scoresde
