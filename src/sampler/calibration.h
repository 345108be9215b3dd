#pragma once
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "sampler/solver.h"

namespace scoresde {

/// Probability-flow trajectories solved finely: what a solver of few steps should follow. Needs a model, no data.
struct ReferencePaths {
  std::vector<double> times;  ///< falling, t_max to t_end
  std::vector<Batch> states;  ///< one a time
  std::vector<Batch> noise;   ///< the noise estimate there, -sigma score
  Batch end;                  ///< x_0, denoised at t_end
};

/// The paths of samples `ids` of `seed` over `steps` equal steps of log-SNR, three evaluations each (dpm-solver-3) and
/// one more for the noise.
ReferencePaths reference_paths(const Sde& sde, const Score& score, std::uint64_t seed,
                               std::span<const std::uint64_t> ids, int steps = 64);

/// The steps + 1 times whose single DDIM steps from reference states leave the paths least, summed, by dynamic
/// programming over all times of the reference (GITS: Chen et al. 2024, "On the trajectory regularity of ODE-based
/// diffusion sampling"). `weight` multiplies what the later steps cost: 1, or above, which puts the times earlier. With
/// `denoise` the step to x_0 is the last one and its time is free: steps + 1 evaluations.
std::vector<double> shortest_path_times(const Sde& sde, const ReferencePaths& paths, int steps, bool denoise,
                                        double weight = 1);

/// A solver with its times for one budget.
struct CalibratedPlan {
  std::string solver, grid;  ///< where its times came from: a grid's name, "gits", with "+" where they were refined
  std::vector<double> times;
  double error = 0;  ///< root mean square distance to the reference's x_0, a value
};

struct CalibrationOptions {
  bool denoise = true;
  int rounds = 3;                                     ///< of refinement, each with half the step of the last
  int finalists = 3;                                  ///< solver and grid pairs that are refined
  std::function<void(const std::string&)> tell = {};  ///< what it does, for a progress line
};

/// Distance of each sample's end to the reference's, root mean square over its values.
Times distances_to_reference(const Sde& sde, const Score& score, std::uint64_t seed, std::span<const std::uint64_t> ids,
                             const Batch& end, const std::string& solver, std::span<const double> times, bool denoise);

/// The deterministic solver and times of exactly `nfe` evaluations with the least mean square distance: every solver of
/// fixed steps on every grid, then the times of the best few moved one by one in log-SNR as long as it helps.
/// Error{usage} where no solver can make `nfe` evaluations.
CalibratedPlan calibrate(const Sde& sde, const Score& score, std::uint64_t seed, std::span<const std::uint64_t> ids,
                         const ReferencePaths& paths, int nfe, const CalibrationOptions& options = {});

}  // namespace scoresde
