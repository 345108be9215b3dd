#pragma once
#include "core/philox_stream.h"
#include "engine/simd.h"

namespace scoresde::simd {

/// A mask of dropout: out[j] = 1 / (1 - rate) where word j of the stream, as a share of 2^32, reaches the rate; else 0.
/// Element j of a map is channel j % C of pixel j / C.
void dropout_mask(const PhiloxStream& stream, double rate, float* out, Size n);

}  // namespace scoresde::simd
