#include "core/noise.h"

namespace scoresde {

void fill_gaussian_probes(std::uint64_t seed, std::uint64_t sample, Batch& probes) {
  for (Index k = 0; k < probes.rows(); ++k)
    fill_normal({seed, Purpose::probe, sample, 0, static_cast<std::uint32_t>(k)},
                std::span(&probes(k, 0), static_cast<std::size_t>(probes.cols())));
}

}  // namespace scoresde
