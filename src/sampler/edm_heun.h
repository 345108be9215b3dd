#pragma once
#include "sampler/solver.h"

namespace scoresde {

/// rho = sigma / alpha at time t.
double noise_to_signal(const Sde& sde, double t);

/// A time and its rho, which a churned level knows better than time_at() can invert.
struct NoiseLevel {
  double t, rho;
};

/// Heun's step of dy/drho = (y - D) / rho from y = x / alpha at `from` to x at time s. Two evaluations.
Batch heun_in_rho(const ReverseProcess& process, const Batch& y, const NoiseLevel& from, double s);

}  // namespace scoresde
