#pragma once
#include <span>
#include <string_view>

#include "sde/sde.h"

namespace scoresde {

/// Parameters of the time samplings; each reads its own.
struct TimeSamplingOptions {
  double log_mean = -1.2, log_std = 1.2;  ///< log-normal: of ln(sigma / alpha)
  double time = 0;                        ///< fixed: the time
};

/// A training time and what its loss is multiplied by.
struct TimeDraw {
  double t, factor;
};

/// A row of the table of time samplings: the training time as the inverse distribution function at u in (0, 1), so that
/// one uniform number a sample is all the randomness there is. Times lie in [t_min, t_max].
/// `factor` undoes the density where a sampling only reduces variance: with uniform and importance the expected loss is
/// the same; with log-snr and log-normal the density is part of the objective and the factor is 1.
struct TimeSamplingEntry {
  std::string_view name, summary;
  TimeDraw (*draw)(const Sde& sde, double u, const TimeSamplingOptions& options);
};
std::span<const TimeSamplingEntry> time_samplings();

/// The standard normal distribution function and its inverse, to 1e-15 and 1e-14 relative.
double normal_cdf(double x);
double normal_quantile(double p);

}  // namespace scoresde
