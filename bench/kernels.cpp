// The engine's kernels one by one, by one thread: `kernels --benchmark_filter=winograd`. FLOP/s count the multiply-adds
// of the operation itself (of a convolution the direct ones); share: of the FMA peak of one thread, measured first.
#include <benchmark/benchmark.h>

#include <vector>

#include "core/noise.h"
#include "engine/kernel.h"
#include "engine/peak.h"

using namespace scoresde;
using simd::Size;

namespace {

double peak = 1;

AlignedFloats drawn(Size size) {
  AlignedFloats values(size);
  fill_normal({}, std::span(values.data(), static_cast<std::size_t>(size)));
  return values;
}

void count(benchmark::State& state, double flop) {
  const double total = flop * static_cast<double>(state.iterations());
  state.counters["FLOP/s"] = benchmark::Counter(total, benchmark::Counter::kIsRate);
  state.counters["share"] = benchmark::Counter(total / peak, benchmark::Counter::kIsRate);
}

/// One map of rows x channels behind another in the memory of a run.
Place place_of(Size buffer, Size rows, Size channels) { return {false, buffer, 0, channels, rows, channels}; }

void run_kernel(benchmark::State& state, const Kernel& kernel, Size floats, Size samples, double flop) {
  AlignedFloats memory = drawn(floats * samples), scratch(kernel.scratch(samples));
  const Run run{memory.data(), nullptr, scratch.data(), samples};
  for (auto _ : state) kernel.run(run);
  count(state, flop * static_cast<double>(samples));
}

// rows, inner, columns
void multiply(benchmark::State& state) {
  const Size rows = state.range(0), inner = state.range(1), columns = state.range(2);
  const AlignedFloats a = drawn(rows * inner), b = drawn(simd::packed_size(inner, columns));
  AlignedFloats y(rows * columns);
  for (auto _ : state)
    simd::multiply(simd::ConstBlocks::packed(a.data(), rows), inner / simd::block, rows, b.data(), columns, {},
                   {y.data(), columns});
  count(state, 2.0 * static_cast<double>(rows * inner * columns));
}

// size, channels in and out, samples, kernel
template <KernelPtr (*make)(const ConvShape&, const float*, const float*, const Place&, const Place&, const Absorbed&)>
void convolution(benchmark::State& state) {
  const Size size = state.range(0), in = state.range(1), out = state.range(2), kernel = state.range(4);
  const AlignedFloats weight = drawn(in * out * kernel * kernel), bias = drawn(out);
  const ConvShape shape{size, size, size, size, static_cast<int>(kernel), 1, static_cast<int>(kernel / 2)};
  const Place x = place_of(0, size * size, in), y = place_of(size * size * in, size * size, out);
  const KernelPtr conv = make(shape, weight.data(), bias.data(), x, y, {});
  run_kernel(state, *conv, size * size * (in + out), state.range(3),
             2.0 * static_cast<double>(size * size * in * out * kernel * kernel));
}

// size, channels, samples: 2 passes of a sum, one of scale, shift and SiLU, about 20 operations a value
void group_norm(benchmark::State& state) {
  const Size rows = state.range(0) * state.range(0), channels = state.range(1);
  const AlignedFloats weight = drawn(channels), bias = drawn(channels);
  const KernelPtr norm = make_group_norm(32, weight.data(), bias.data(), 1e-6, true, place_of(0, rows, channels),
                                         place_of(rows * channels, rows, channels));
  run_kernel(state, *norm, 2 * rows * channels, state.range(2), 20.0 * static_cast<double>(rows * channels));
}

// size, channels, heads, samples
void attention(benchmark::State& state) {
  const Size rows = state.range(0) * state.range(0), channels = state.range(1), map = rows * channels;
  const auto at = [&](Size i) { return place_of(i * map, rows, channels); };
  const KernelPtr kernel = make_attention(static_cast<int>(state.range(2)), at(0), at(1), at(2), at(3));
  run_kernel(state, *kernel, 4 * map, state.range(3), 4.0 * static_cast<double>(rows * map));
}

// Numbers a second, not FLOP.
void normals(benchmark::State& state) {
  std::vector<double> z(static_cast<std::size_t>(state.range(0)));
  std::uint64_t sample = 0;
  for (auto _ : state) {
    fill_normal({.sample = sample++ & 0xFFFF}, z);
    benchmark::DoNotOptimize(z.data());
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

BENCHMARK(multiply)->Args({512, 512, 512})->Args({56, 256, 256})->Args({56, 128, 128})->Args({1024, 256, 256});
BENCHMARK(convolution<make_winograd>)
    ->Name("winograd")
    ->Args({32, 128, 128, 4, 3})
    ->Args({16, 256, 256, 4, 3})
    ->Args({8, 256, 256, 4, 3})
    ->Args({4, 256, 256, 1, 3})
    ->Args({4, 256, 256, 8, 3})
    ->Args({28, 32, 32, 8, 3});
BENCHMARK(convolution<make_conv>)
    ->Name("direct")
    ->Args({32, 128, 128, 4, 3})
    ->Args({16, 256, 256, 4, 3})
    ->Args({4, 256, 256, 1, 3})
    ->Args({4, 256, 256, 8, 3})
    ->Args({28, 32, 32, 8, 3})
    ->Args({28, 32, 1, 8, 3})
    ->Args({16, 256, 256, 4, 1});
BENCHMARK(group_norm)->Args({32, 128, 4})->Args({16, 256, 4});
BENCHMARK(attention)->Args({16, 256, 1, 4})->Args({7, 64, 1, 16});
BENCHMARK(normals)->Arg(784)->Arg(3072);

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  peak = measured_fma_peak(1);
  benchmark::AddCustomContext("FMA peak, GFLOP/s", std::to_string(peak / 1e9));
  benchmark::AddCustomContext("vectors", simd::target_name());
  benchmark::RunSpecifiedBenchmarks();
}
