#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "sampler/solver.h"

namespace scoresde {

/// What a callback sees after every step, and once before the first (step 0).
struct SamplingProgress {
  int step, steps;
  double t;  ///< the time at which x stands
  const Batch& x;
};

struct SampleOptions {
  bool denoise =
      true;  ///< end with Tweedie's estimate of x_0 at the last time: the noise that is left at t_end is no
             ///< part of the data, and FID sees it (Song et al. 2021, app. G; Jolicoeur-Martineau et al. 2021)
  std::function<void(const SamplingProgress&)> progress;
};

/// A row whose numbers cannot be trusted, and since which step.
struct SampleFailure {
  enum class Reason { non_finite, not_converged } reason;
  Index row;
  int step;  ///< 0-based; the number of steps for the final denoising
  double t;  ///< where the step began
};

/// One sentence: "sample 3: not a finite number after step 12 (t = 0.4)". `sample` is the number to show for the row.
std::string to_text(const SampleFailure& failure, std::uint64_t sample);

struct Samples {
  Batch x;
  std::vector<std::uint32_t> evaluations;  ///< NFE a row, vjp counted as one
  std::vector<SampleFailure> failures;     ///< at most one a row: its first
  Times acceptance;                        ///< share of accepted proposals, a row; empty where none are made
  double seconds = 0;
};

/// x at times.front() carried along all intervals of `times` (falling). A row that fails
/// is reported and goes on, so that it can never change what the others get; only when all rows have failed the run
/// stops early. Error{usage} for fewer than two times, or times that do not fall; neighbours
/// may be equal where the solver takes_equal_times().
Samples sample(const ReverseProcess& process, Solver& solver, Batch x, std::span<const double> times,
               const SampleOptions& options = {});

/// Rows of the prior N(0, prior_std^2 I) at t_max: the first `x` of sample().
Batch draw_prior(const Sde& sde, const NoiseSource& noise);

}  // namespace scoresde
