#include "nn/dense_kernels.h"

#include <cstdint>
#include <cstring>

// One source for every vector width: GCC's vector types, and a copy of each kernel for each instruction set, chosen
// when the library is loaded. Without contraction (-ffp-contract=off) all give the same bits.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define SCORESDE_KERNEL __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define SCORESDE_KERNEL
#endif
#pragma GCC diagnostic ignored "-Wpsabi"  // the vectors never cross a call: every helper is inlined

namespace scoresde {
namespace {

typedef float DenseVector __attribute__((vector_size(4 * dense_lanes), aligned(4), may_alias));
typedef std::int32_t DenseBits __attribute__((vector_size(4 * dense_lanes)));

#define SCORESDE_INLINE inline __attribute__((always_inline))

SCORESDE_INLINE DenseVector dense_load(const float* from) { return *reinterpret_cast<const DenseVector*>(from); }
SCORESDE_INLINE void dense_store(float* to, DenseVector value) { *reinterpret_cast<DenseVector*>(to) = value; }

// exp within 2 units in the last place for |x| <= 87: x = n ln 2 + r, the Taylor polynomial in r to degree 7, n into
// the exponent. Adding 1.5 2^23 rounds n to an integer, which then stands in the low bits.
SCORESDE_INLINE DenseVector dense_exp(DenseVector x) {
  constexpr float shifter = 12582912.0f;
  x = x > 87.0f ? x - x + 87.0f : x;
  x = x < -87.0f ? x - x - 87.0f : x;
  const DenseVector shifted = x * 1.44269504f + shifter;
  const DenseVector n = shifted - shifter;
  const DenseVector r = (x - n * 0.693359375f) - n * -2.12194440e-4f;
  DenseVector p = r * (1.0f / 5040) + 1.0f / 720;
  p = p * r + 1.0f / 120;
  p = p * r + 1.0f / 24;
  p = p * r + 1.0f / 6;
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  return p * (DenseVector)(((DenseBits)shifted << 23) + (127 << 23));
}

}  // namespace

SCORESDE_KERNEL void dense_linear(const float* x, int x_stride, const float* w, const float* bias, float* y, int rows,
                                  int in, int out, bool add) {
  for (int r = 0; r < rows; r += dense_rows)
    for (int o = 0; o < out; o += dense_lanes) {
      const float* x0 = x + r * x_stride;
      float* y0 = y + r * out + o;
      DenseVector s0 = dense_load(add ? y0 : bias + o), s1 = dense_load(add ? y0 + out : bias + o);
      DenseVector s2 = dense_load(add ? y0 + 2 * out : bias + o), s3 = dense_load(add ? y0 + 3 * out : bias + o);
      for (int i = 0; i < in; ++i) {
        const DenseVector weight = dense_load(w + static_cast<long>(i) * out + o);
        s0 += weight * x0[i];
        s1 += weight * x0[i + x_stride];
        s2 += weight * x0[i + 2 * x_stride];
        s3 += weight * x0[i + 3 * x_stride];
      }
      dense_store(y0, s0);
      dense_store(y0 + out, s1);
      dense_store(y0 + 2 * out, s2);
      dense_store(y0 + 3 * out, s3);
    }
}

SCORESDE_KERNEL void dense_silu(const float* x, float* y, int count) {
  for (int i = 0; i < count; i += dense_lanes) {
    const DenseVector value = dense_load(x + i);
    dense_store(y + i, value / (dense_exp(-value) + 1.0f));
  }
}

SCORESDE_KERNEL void dense_silu_back(const float* x, const float* v, float* g, int count) {
  for (int i = 0; i < count; i += dense_lanes) {
    const DenseVector value = dense_load(x + i), share = 1.0f / (dense_exp(-value) + 1.0f);
    dense_store(g + i, dense_load(g + i) + dense_load(v + i) * (share * (value * (1.0f - share) + 1.0f)));
  }
}

}  // namespace scoresde
