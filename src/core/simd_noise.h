#pragma once
#include <cstdint>

#include "core/philox_stream.h"

namespace scoresde::simd {

/// The 4 normal numbers of each of the blocks first, first + 1, ..., as many of the `blocks` as fill whole vectors:
/// returns how many. The same bits as core/noise.cpp's one at a time, operation by operation.
std::uint64_t normal_blocks(const PhiloxStream& stream, std::uint64_t first, std::uint64_t blocks, double* out);

/// The 2 uniform numbers of each block, likewise.
std::uint64_t uniform_blocks(const PhiloxStream& stream, std::uint64_t first, std::uint64_t blocks, double* out);

}  // namespace scoresde::simd
