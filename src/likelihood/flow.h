#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "likelihood/divergence.h"
#include "ode/ode.h"
#include "score/score.h"
#include "sde/sde.h"

namespace scoresde {

/// How the probability flow is integrated.
struct FlowOptions {
  std::string integrator = "rk45";  ///< see integrators()
  double tolerance = 1e-5;          ///< adaptive: absolute and relative
  int steps = 32;                   ///< fixed: equal steps of log-SNR
  bool one_system = false;          ///< adaptive: one step size for all rows, as the reference; for comparison only
};

/// Where the flow dx/dt = f x - g^2 score / 2 (Song et al. 2021, eq. 13) has carried rows, and what became of their
/// volume.
struct FlowResult {
  Batch x;
  Batch divergence;  ///< integral of the velocity's divergence from t to s: a column a probe, or one where it is exact
  std::vector<std::uint32_t> evaluations;  ///< of the velocity, a row
  std::vector<bool> converged;             ///< false: the tolerance could not be met, or the row is not finite
};

/// Carries x along the flow from time t to time s, either direction, with the divergence along `probes`: then
/// log p_t(x) = log p_s(result.x) + result.divergence (Chen et al. 2018, theorem 1; Song et al. 2021, eq. 39), where
/// the divergence of the velocity is D f - g^2 tr(d score / d x) / 2.
/// Row i of the result depends on row i of x and of the probes alone. Error{usage} for times outside the SDE's, an
/// unknown integrator, tolerance outside [1e-13, 1], steps < 1.
FlowResult flow_with_divergence(const Sde& sde, const Score& score, const Batch& x, double t, double s,
                                const Probes& probes, const FlowOptions& options);

/// The same without the divergence: t_min -> t_max encodes, t_max -> t_min decodes.
FlowResult flow(const Sde& sde, const Score& score, const Batch& x, double t, double s, const FlowOptions& options);

/// Spherical interpolation of latents (Shoemake 1985): row k is sin((1-u) w)/sin w a + sin(u w)/sin w b, u = k /
/// (frames - 1), w the angle between the rows a and b; linear where they (nearly) lie on one line. Between independent
/// samples of N(0, I) every row is as long as such a sample. frames >= 2.
Batch spherical(const Batch& a, const Batch& b, int frames);

}  // namespace scoresde
