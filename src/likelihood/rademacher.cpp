#include "core/noise.h"

namespace scoresde {
namespace {

void fill_signs(std::uint64_t seed, std::uint64_t sample, Index draw, Batch& probes, Index row) {
  const std::span<double> values(&probes(row, 0), static_cast<std::size_t>(probes.cols()));
  fill_uniform({seed, Purpose::probe, sample, 0, static_cast<std::uint32_t>(draw)}, values);
  for (double& value : values) value = value < 0.5 ? -1 : 1;
}

}  // namespace

void fill_rademacher_probes(std::uint64_t seed, std::uint64_t sample, Batch& probes) {
  for (Index k = 0; k < probes.rows(); ++k) fill_signs(seed, sample, k, probes, k);
}

// v and -v would give the same v^T J v. Changing every second sign turns the sign of all terms v_i J_ij v_j with i - j
// odd instead, those of horizontal neighbours in a picture among them.
void fill_antithetic_probes(std::uint64_t seed, std::uint64_t sample, Batch& probes) {
  for (Index k = 0; k < probes.rows(); k += 2) {
    fill_signs(seed, sample, k, probes, k);
    for (Index j = 0; j < probes.cols(); ++j) probes(k + 1, j) = j % 2 == 0 ? probes(k, j) : -probes(k, j);
  }
}

}  // namespace scoresde
