#pragma once

namespace scoresde {

/// FLOP/s of `threads` threads that do nothing but fused multiply-adds in registers (an FMA counts as 2): the most that
/// any code can reach here. Each thread's best of `repeats` spells of some 10 ms.
double measured_fma_peak(int threads, int repeats = 5);

}  // namespace scoresde
