#include <time.h>

#include <algorithm>
#include <numeric>
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

// The FLOP of `rounds` rounds; `sink` depends on all of them. 12 independent chains: two units with a latency of 4 to 5
// need 10, and 12 fit into 16 registers.
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
namespace {
double rounds_here(std::int64_t rounds, float& sink) { return HWY_DYNAMIC_DISPATCH(fma_rounds)(rounds, sink); }
}  // namespace
}  // namespace simd

namespace {

double thread_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

}  // namespace

// By the threads' own clocks, which other programs do not run.
double measured_fma_peak(int threads, int repeats) {
  constexpr std::int64_t rounds = 4'000'000;
  WorkerPool workers(static_cast<std::size_t>(std::max(1, threads)));
  std::vector<double> best(workers.workers());
  std::vector<float> sinks(workers.workers());
  for (int i = 0; i < repeats; ++i)
    workers.run(workers.workers(), [&](std::size_t part, std::size_t) {
      const double start = thread_seconds(), flop = simd::rounds_here(rounds, sinks[part]);
      best[part] = std::max(best[part], flop / (thread_seconds() - start));
    });
  return std::accumulate(best.begin(), best.end(), 0.0);
}

}  // namespace scoresde
#endif
