#pragma once
#include <span>
#include <string_view>

#include "sde/sde.h"

namespace scoresde {

/// What a weighting may depend on beside the SDE and t.
struct WeightingOptions {
  double data_std = 0.5;  ///< standard deviation of the data in model units (edm)
  double gamma = 5;       ///< where min-snr cuts the signal-to-noise ratio
};

/// A row of the table of weightings: lambda(t) in
///   L = E_t lambda(t) E ||score(x_t, t) - grad log p(x_t | x_0)||^2  (Song et al. 2021, eq. 7).
/// With x_0 = (x + sigma^2 score) / alpha an error e of the score is an error sigma^2 e / alpha of the denoised sample
/// and -sigma e of the noise, so that weightings published for those carry over by sigma^4 / alpha^2 and sigma^2.
struct WeightingEntry {
  std::string_view name, summary;
  double (*weight)(const Sde& sde, double t, const WeightingOptions& options);
};
std::span<const WeightingEntry> weightings();

}  // namespace scoresde
