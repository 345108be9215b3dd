#include "likelihood/dequantise.h"
#include "likelihood/divergence.h"

namespace scoresde {

void fill_unit_probes(std::uint64_t seed, std::uint64_t sample, Batch& probes);
void fill_rademacher_probes(std::uint64_t seed, std::uint64_t sample, Batch& probes);
void fill_gaussian_probes(std::uint64_t seed, std::uint64_t sample, Batch& probes);
void fill_antithetic_probes(std::uint64_t seed, std::uint64_t sample, Batch& probes);
void fill_orthogonal_probes(std::uint64_t seed, std::uint64_t sample, Batch& probes);
double orthogonal_reduction(Index probes, Index dimension);

Dequantised dequantise_uniformly(const Sde& sde, const Batch& levels, std::uint64_t seed,
                                 std::span<const std::uint64_t> samples, std::uint32_t draw);
Dequantised dequantise_truncated_normal(const Sde& sde, const Batch& levels, std::uint64_t seed,
                                        std::span<const std::uint64_t> samples, std::uint32_t draw);

namespace {

constexpr DivergenceEntry divergence_table[] = {
    {.name = "exact", .summary = "the trace itself by D products a step", .exact = true, .fill = fill_unit_probes},
    {.name = "rademacher",
     .summary = "signs: variance from the off-diagonal part of the Jacobian alone",
     .fill = fill_rademacher_probes},
    {.name = "gaussian", .summary = "N(0, I): more variance, the diagonal adds to it", .fill = fill_gaussian_probes},
    {.name = "antithetic",
     .summary = "signs in pairs v and (-1)^j v_j: terms between values an odd distance apart cancel",
     .block = 2,
     .fill = fill_antithetic_probes},
    {.name = "orthogonal",
     .summary = "orthogonal directions of length D^(1/2): with D of them exact",
     .fill = fill_orthogonal_probes,
     .reduction = orthogonal_reduction},
};

constexpr DequantisationEntry dequantisation_table[] = {
    {"uniform", "(level + U) / 128 - 1, U in [0, 1): 7 bits a value, as published numbers have it",
     dequantise_uniformly, true},
    {"truncated-normal", "the SDE's own noise kept within the level's bin (Zheng et al. 2023)",
     dequantise_truncated_normal, false},
};

}  // namespace

std::span<const DivergenceEntry> divergences() { return divergence_table; }
std::span<const DequantisationEntry> dequantisations() { return dequantisation_table; }

}  // namespace scoresde
