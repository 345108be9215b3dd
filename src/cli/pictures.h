#pragma once
#include <cmath>

#include "core/batch.h"
#include "sde/sde.h"

namespace scoresde {

/// x_t at the scale of the data: divided by the standard deviation that data of deviation 1/2 has at t, so that states
/// of every SDE can be shown side by side.
inline Batch shown_at(const Sde& sde, double t, const Batch& x) {
  const Marginal m = sde.marginal(t);
  return x * (0.5 / std::hypot(0.5 * m.alpha, m.sigma));
}

}  // namespace scoresde
