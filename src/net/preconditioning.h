#pragma once
#include <span>
#include <string_view>

#include "sde/sde.h"

namespace scoresde {

/// How the raw network output F relates to the quantities of the theory at one time t. With x_t = alpha x_0 + sigma z:
///   F is evaluated at input * x_t and the time label `label`;
///   score = score_x x_t + score_f F;
///   the value F should have is target_data x_0 + target_noise z.
struct Preconditioning {
  double input, label;
  double score_x, score_f;
  double target_data, target_noise;
};

/// A row of the table of predictions: what the raw output means.
struct PredictionEntry {
  std::string_view name, summary;
  /// data_std: standard deviation of the data in model units (edm only).
  Preconditioning (*make)(const Sde& sde, double t, double data_std);
};
std::span<const PredictionEntry> predictions();

}  // namespace scoresde
