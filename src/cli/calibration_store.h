#pragma once
#include <optional>
#include <string>

#include "cli/draw.h"

namespace scoresde {

/// What `calibrate` leaves in a checkpoint, under the metadata key "calibration": it is no part of the model's hash.
/// Training that goes on writes checkpoints without it.
struct CalibrationRow {
  int nfe = 0;
  std::string solver, grid;
  std::vector<double> times;
  std::vector<std::string> settings = {};  ///< of the solver, as --set takes them
  bool stochastic = false, denoise = true;
};

std::vector<CalibrationRow> read_calibration(const fs::path& run, const Model& model);

/// Puts `rows` in place of those of the same budget and kind. Error{run} where the file cannot be replaced.
void store_calibration(const fs::path& run, const Model& model, const std::vector<CalibrationRow>& rows);

/// Where a budget was asked for and nothing else: the calibrated solver and times of that budget, if there are any.
/// Returns what to tell the user, or "".
std::string apply_calibration(const fs::path& run, const Model& model, DrawPlan& plan, bool stochastic = false);

}  // namespace scoresde
