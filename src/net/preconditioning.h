#pragma once
#include <span>
#include <string_view>

#include "sde/sde.h"

namespace scoresde {

/// How the raw network output F relates to the quantities of the theory at one time t. With x_t = alpha x_0 + sigma z:
///   F is evaluated at input * x_t and the time label `label`;
///   score = score_x x_t + score_f F;
///   the value F should have is target_data x_0 + target_noise z.
/// A denoising loss lambda |score - score*|^2 equals lambda score_f^2 |F - target|^2.
///
/// Every prediction serves every SDE and all share
///   input = 1 / sqrt(sigma^2 + alpha^2 data_std^2): the network sees unit variance from VE's sigma 0.01 to EDM's 80;
///   label = ln(sigma / alpha) / 4, the c_noise of Karras et al. (2022, table 1) read at x / alpha. A function of the
///   signal-to-noise ratio alone, so a network means the same under any parametrisation of time; some -2..2 in use, and
///   held within +-5 where alpha or sigma vanishes.
struct Preconditioning {
  double input, label;
  double score_x, score_f;
  double target_data, target_noise;
};

/// A row of the table of predictions: what the raw output means.
struct PredictionEntry {
  std::string_view name, summary;
  /// data_std > 0: standard deviation of the data in model units.
  Preconditioning (*make)(const Sde& sde, double t, double data_std);
};

/// score: F is the score itself, -z / sigma.
/// noise: F is z (Ho et al. 2020); score = -F / sigma.
/// denoised: F is x_0; score = (alpha F - x) / sigma^2.
/// velocity: F is the direction of the path (alpha' x_0 + sigma' z) / sqrt(alpha'^2 + sigma'^2). For alpha = cos,
///   sigma = sin it is the v of Salimans & Ho (2022), alpha z - sigma x_0; for rectified (z - x_0) / sqrt(2); for VE,
///   z. With unit direction (a, s) and w = alpha s - a sigma: score = (a x - alpha F) / (sigma w).
/// edm: Karras et al. (2022, table 1) at x / alpha with sigma / alpha in place of sigma; with m = 1 / input:
///   score = -x / m^2 + alpha data_std / (sigma m) F, target (sigma x_0 / data_std - alpha data_std z) / m.
std::span<const PredictionEntry> predictions();

}  // namespace scoresde
