#pragma once
#include <vector>

#include "score/gaussian.h"

namespace scoresde {

/// A prior for inverse problems, about as wide as pictures in model units: a mixture of two Gaussians of unlike full
/// covariances, or the first alone.
std::vector<MixtureComponent> restoration_prior(Index dimension, bool mixture);

}  // namespace scoresde
