#pragma once
#include <cstdint>

namespace scoresde {

/// Fused multiply-adds in registers alone, on the widest vectors of this CPU: the FLOP that `rounds` rounds are worth,
/// and in `sink` a number that depends on all of them.
double fma_rounds(std::int64_t rounds, float& sink);

/// FLOP/s of `threads` threads that do nothing but fused multiply-adds in registers (an FMA counts as 2): the most that
/// any code can reach here. The best of some 20 ms repeated `repeats` times.
double measured_fma_peak(int threads, int repeats = 5);

}  // namespace scoresde
