#pragma once
#include "core/batch.h"

namespace scoresde {

/// What draws of a posterior say value by value; every part is one row.
struct PosteriorMaps {
  Batch mean, std;  ///< std with n - 1; 0 of a single draw
  Batch low, high;  ///< quantiles (1 - level) / 2 and (1 + level) / 2, interpolated between draws (type 7)
  double level;
};

/// Error{usage} where there is no draw or `level` is not in (0, 1).
PosteriorMaps posterior_maps(const Batch& draws, double level = 0.9);

/// The share of true values that lie within [low, high], ends included. Of calibrated draws the expectation is
/// expected_coverage(draws, level), which is below the level where draws are few.
double coverage(const PosteriorMaps& maps, const Batch& truth);

/// The probability that one more draw lies between those quantiles of n draws: level (n - 1) / (n + 1).
double expected_coverage(Index n, double level);

}  // namespace scoresde
