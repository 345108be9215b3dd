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
/// Every prediction serves every SDE. The first five share
///   input = 1 / sqrt(sigma^2 + alpha^2 data_std^2): the network sees unit variance from VE's sigma 0.01 to EDM's 80;
///   label = ln(sigma / alpha) / 4, the c_noise of Karras et al. (2022, table 1) read at x / alpha. A function of the
///   signal-to-noise ratio alone, so a network means the same under any parametrisation of time; some -2..2 in use, and
///   held within +-5 where alpha or sigma vanishes.
struct Preconditioning {
  double input, label;
  double score_x, score_f;
  double target_data, target_noise;
};

/// What the time label of a prediction is, for networks to read (net/song_modules.h).
enum class LabelKind {
  log_snr,  ///< ln(sigma / alpha) / 4
  sigma,    ///< sigma where pixels run from 0 to 1
  step,     ///< 0 .. 999, in step numbers of a chain of 1000
  level,    ///< 1 - t / t_max: 0 (most noise) .. 1
};

/// A row of the table of predictions: what the raw output means.
struct PredictionEntry {
  std::string_view name, summary;
  /// data_std > 0: standard deviation of the data in model units.
  Preconditioning (*make)(const Sde& sde, double t, double data_std);
  LabelKind label = LabelKind::log_snr;
};

/// score: F is the score itself, -z / sigma.
/// noise: F is z (Ho et al. 2020); score = -F / sigma.
/// denoised: F is x_0; score = (alpha F - x) / sigma^2.
/// velocity: F is the direction of the path (alpha' x_0 + sigma' z) / sqrt(alpha'^2 + sigma'^2). For alpha = cos,
///   sigma = sin it is the v of Salimans & Ho (2022), alpha z - sigma x_0; for rectified (z - x_0) / sqrt(2); for VE,
///   z. With unit direction (a, s) and w = alpha s - a sigma: score = (a x - alpha F) / (sigma w).
/// edm: Karras et al. (2022, table 1) at x / alpha with sigma / alpha in place of sigma; with m = 1 / input:
///   score = -x / m^2 + alpha data_std / (sigma m) F, target (sigma x_0 / data_std - alpha data_std z) / m.
///
/// The conventions of networks that were made elsewhere; all take x as it is (input = 1). Pixels of this project run
/// from -1 to 1, those of score_sde's VE models from 0 to 1, so sigma and score differ by the factor 2.
/// song-score: score_sde's continuous VE networks: label sigma / 2, score = F / 2.
/// song-level: its discrete ones and NCSN, NCSNv2: the same with the label 1 - t / t_max, which the network reads as
///   the place in its table of net.levels noise levels.
/// song-noise: its VP and sub-VP networks: label 999 t / t_max, score = -F / sigma.
/// ddpm: Ho et al. (2020), and score_sde's discretely trained VP networks: score = -F / sigma, and the label is the
///   (fractional) index of the level of the 1000-step chain that has the log-SNR of t: at level i exactly i. Needs vp
///   or sub-vp; for another SDE the label is 999 t / t_max.
std::span<const PredictionEntry> predictions();

}  // namespace scoresde
