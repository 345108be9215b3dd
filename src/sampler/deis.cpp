#include "sampler/multistep.h"

namespace scoresde {

/// DEIS tAB2 (Zhang & Chen 2023, section 3.3): the noise as a quadratic polynomial of the SDE's time.
std::unique_ptr<Solver> make_deis(const SolverOptions&) {
  return std::make_unique<Multistep>(Estimate::noise, Abscissa::time, 3);
}

}  // namespace scoresde
