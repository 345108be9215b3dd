#pragma once
#include <cstddef>

namespace scoresde::simd {

/// squared_distance() (metrics/pairwise.h) of four rows from one, on this CPU's vectors: the same bits.
void four_squared_distances(const double* const* x, const double* y, std::ptrdiff_t d, double* out);

}  // namespace scoresde::simd
