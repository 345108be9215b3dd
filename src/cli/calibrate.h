#pragma once
#include <functional>
#include <string>
#include <vector>

#include "cli/calibration_store.h"
#include "metrics/metric.h"

namespace scoresde {

/// One stochastic budget: the best solver and settings found, by the energy distance of its samples to those of a fine
/// solution, beside that of the usual stochastic sampler.
struct StochasticResult {
  CalibrationRow row;
  MetricValue found, usual;
};

/// For each budget the solver among those that draw noise, with its snr, churn or eta, whose samples are nearest in law
/// to `samples` samples of SDE-DPM-Solver++(3M) at 400 evaluations. Found on some samples, judged on others. No data.
std::vector<StochasticResult> calibrate_stochastic(const Sde& sde, const Score& score,
                                                   const std::vector<std::uint64_t>& budgets, std::size_t samples,
                                                   std::uint64_t seed,
                                                   const std::function<void(const std::string&)>& tell);

}  // namespace scoresde
