#include <algorithm>
#include <chrono>
#include <vector>

#include "core/workers.h"
#include "engine/peak.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/simd_peak.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "engine/simd_inline.h"

HWY_BEFORE_NAMESPACE();
namespace scoresde::simd::HWY_NAMESPACE {

// 12 independent chains: two units with a latency of 4 to 5 need 10, and 12 fit into 16 registers.
double fma_rounds(std::int64_t rounds, float& sink) {
  constexpr int chains = 12;
  const V factor = number(0.999), more = number(0.001);
  V sum[chains];
#pragma GCC unroll 12
  for (int i = 0; i < chains; ++i) sum[i] = number(i);
  for (std::int64_t round = 0; round < rounds; ++round)
#pragma GCC unroll 12
    for (int i = 0; i < chains; ++i) sum[i] = hn::MulAdd(sum[i], factor, more);
#pragma GCC unroll 12
  for (int i = 1; i < chains; ++i) sum[0] = hn::Add(sum[0], sum[i]);
  sink = hn::GetLane(sum[0]);
  return 2.0 * chains * static_cast<double>(lanes) * static_cast<double>(rounds);
}

}  // namespace scoresde::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace scoresde {
namespace simd {
HWY_EXPORT(fma_rounds);
double rounds_here(std::int64_t rounds, float& sink) { return HWY_DYNAMIC_DISPATCH(fma_rounds)(rounds, sink); }
}  // namespace simd

double fma_rounds(std::int64_t rounds, float& sink) { return simd::rounds_here(rounds, sink); }

double measured_fma_peak(int threads, int repeats) {
  constexpr std::int64_t rounds = 4'000'000;
  WorkerPool workers(static_cast<std::size_t>(std::max(1, threads)));
  std::vector<double> flop(workers.workers());
  std::vector<float> sinks(workers.workers());
  double best = 0;
  for (int i = 0; i < repeats; ++i) {
    const auto start = std::chrono::steady_clock::now();
    workers.run(workers.workers(), [&](std::size_t part, std::size_t) { flop[part] = fma_rounds(rounds, sinks[part]); });
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
    double all = 0;
    for (const double one : flop) all += one;
    best = std::max(best, all / time.count());
  }
  return best;
}

}  // namespace scoresde
#endif
