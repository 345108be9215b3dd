#pragma once

// The engine for programs in other languages, for the peer comparison in one process: plain C, no exceptions. Every
// function that can fail returns null or a non-zero number, and bench_error() says why.
extern "C" {

struct BenchModel;

const char* bench_error();

/// A network with weights drawn from the project's noise, all of them away from zero, so that every op matters. sde and
/// net: settings as JSON objects over the preset's (which may be ""); shape is channels, height, width.
BenchModel* bench_make(const char* preset, const char* sde, const char* net, const int* shape, unsigned long long seed);
/// A .safetensors file or a run folder.
BenchModel* bench_open(const char* path);
int bench_save(const BenchModel* model, const char* path);
void bench_close(BenchModel* model);

/// graph_json() of its network, and parameter `index` of it.
const char* bench_graph(BenchModel* model);
const float* bench_weight(BenchModel* model, int index);

/// Compiles the network for `threads` threads; again with another number.
int bench_compile(BenchModel* model, int threads);
/// The network's raw output: x and y are rows x (C H W), label one number a row.
int bench_evaluate(BenchModel* model, int rows, const double* x, const double* label, double* y);

/// For each time of a run of `nfe` evaluations, the last one by the final denoising, six numbers: alpha, sigma; what x
/// is multiplied by and the time label, for the network; and a, b of the estimate x_0 = a x + b F from its output F.
int bench_schedule(BenchModel* model, const char* solver, int nfe, double* out);
/// Where samples first .. first + rows - 1 of seed 0 begin.
int bench_prior(BenchModel* model, int rows, unsigned long long first, double* x);
/// The same samples, drawn by a solver of the table in exactly `nfe` evaluations.
int bench_sample(BenchModel* model, const char* solver, int rows, int nfe, unsigned long long first, double* y);

/// Measured FMA peak, FLOP/s.
double bench_fma_peak(int threads);
const char* bench_target();
}
