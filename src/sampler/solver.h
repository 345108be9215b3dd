#pragma once
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/config.h"
#include "core/noise.h"
#include "score/score.h"
#include "sde/sde.h"

namespace scoresde {

/// What a solver works on: the SDE whose reverse is solved, its score, and the noise it may use.
struct ReverseProcess {
  const Sde& sde;
  const Score& score;
  const NoiseSource& noise;
};

/// One method of going from x_t to x_s. `step` may keep history (multistep methods), which `reset` forgets.
class Solver {
 public:
  virtual ~Solver() = default;
  virtual Batch step(const ReverseProcess& process, const Batch& x, const Interval& interval) = 0;
  virtual void reset() {}
};

/// Settings of all solvers; each reads its own.
struct SolverOptions {
  double eta = 1, snr = 0.16, churn = 0, churn_min = 0, churn_max = 1e30, churn_noise = 1;
  int corrector_steps = 1;
  double rtol = 1e-5, atol = 1e-5;
  std::string compatibility = "none";

  static constexpr auto fields() {
    return std::tuple{
        field("eta", &SolverOptions::eta, "ddim, euler-maruyama: share of fresh noise, 0 is deterministic", {0, 10}),
        field("snr", &SolverOptions::snr, "langevin, annealed-langevin: signal-to-noise ratio r of a corrector step",
              {0, 10}),
        field("churn", &SolverOptions::churn, "edm-heun: S_churn of Karras et al. 2022, algorithm 2", {0, 1e6}),
        field("churn_min", &SolverOptions::churn_min, "edm-heun: S_tmin, smallest sigma/alpha that is churned", {0, 1e30}),
        field("churn_max", &SolverOptions::churn_max, "edm-heun: S_tmax, largest sigma/alpha that is churned", {0, 1e30}),
        field("churn_noise", &SolverOptions::churn_noise, "edm-heun: S_noise", {0, 10}),
        field("corrector_steps", &SolverOptions::corrector_steps, "corrector steps a time", {1, 10000}),
        field("rtol", &SolverOptions::rtol, "rk45: relative tolerance", {1e-13, 1}),
        field("atol", &SolverOptions::atol, "rk45: absolute tolerance", {1e-13, 1}),
        field("compatibility", &SolverOptions::compatibility,
              "none, or score_sde: the reference's discrete tables, batch-mean Langevin norms and index rule")};
  }
};

/// A row of the table of solvers.
struct SolverEntry {
  std::string_view name, summary;
  bool stochastic;
  double order;                      ///< weak order for stochastic, global order for deterministic methods
  bool corrector;                    ///< moves within one time level: for the right side of predictor+corrector
  int evaluations(int steps) const { return count(steps); }
  int (*count)(int steps);           ///< NFE of `steps` steps without the final denoising; 0: adaptive
  std::string_view grid;             ///< the time grid it likes best
  std::unique_ptr<Solver> (*make)(const SolverOptions&);
};
std::span<const SolverEntry> solvers();

}  // namespace scoresde
