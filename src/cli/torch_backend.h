#pragma once
#include <memory>
#include <string>

#include "features/features.h"
#include "net/model.h"
#include "score/score.h"
#include "train/config.h"
#include "train/trainer.h"

namespace scoresde {

/// What the commands ask of the part that needs LibTorch. It lives in a shared library of its own that is opened only
/// when a command needs it: a process linked to LibTorch takes 0.7 s and 160 MB before main() does anything.
class TorchBackend {
 public:
  virtual ~TorchBackend() = default;

  /// The model's network as a score, conditioned on a class (-1: unconditional).
  virtual std::unique_ptr<Score> load_score(const Model& model, int class_label, int threads,
                                            const std::string& device) const = 0;

  virtual TrainResult train(const RunConfig& config, const TrainOptions& options, int threads) const = 0;

  /// Parameters, memory and seconds of one step, measured, without training.
  virtual TrainForecast forecast(const RunConfig& config, const TrainOptions& options, int threads) const = 0;

  /// The TorchScript Inception of FID for pictures of `shape`: 2,048 features of 8-bit values.
  virtual std::unique_ptr<FeatureSpace> load_features(const std::string& file, const ItemShape& shape,
                                                      int threads) const = 0;
};

/// Opens the library beside the program (or in ../lib). Error{run} says what is missing.
const TorchBackend& torch_backend();

}  // namespace scoresde
