#include "core/batch.h"

namespace scoresde {

void fill_unit_probes(std::uint64_t, std::uint64_t, Batch& probes) {
  probes.setZero();
  for (Index k = 0; k < probes.rows(); ++k) probes(k, k) = 1;
}

}  // namespace scoresde
