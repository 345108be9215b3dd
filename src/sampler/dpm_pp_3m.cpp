#include "sampler/multistep.h"

namespace scoresde {

/// DPM-Solver++(3M) (Lu et al. 2022) with the integrals of the quadratic interpolant done exactly.
std::unique_ptr<Solver> make_dpm_pp_3m(const SolverOptions&) {
  return std::make_unique<Multistep>(Estimate::data, Abscissa::log_snr, 3);
}

}  // namespace scoresde
