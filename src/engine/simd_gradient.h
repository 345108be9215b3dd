#pragma once
#include "engine/simd.h"

// The vector loops of reverse mode. dy is the derivative of a loss with respect to y. As in simd.h, a row's results are
// functions of that row alone.
namespace scoresde::simd {

/// What a result is added to, times `scale`; no data: nothing.
struct Base {
  ConstMap map = {nullptr, 0};
  float scale = 1;
};

/// y = a * a_scale + base.
void scale_rows(ConstMap a, float a_scale, const Base& base, Size rows, Size channels, Map y);

/// y = a * b + base, element by element.
void multiply_rows(ConstMap a, ConstMap b, const Base& base, Size rows, Size channels, Map y);

/// y = dy * f'(x) + base.
void activation_slope(Activation activation, float slope, ConstMap x, ConstMap dy, const Base& base, Size rows,
                      Size channels, Map y);

/// For u = x * scale + shift and y = u, or u / (1 + exp(-u)) where `silu`: du, and over all rows of each channel
/// sum = sum du and moment = sum du (x - mean).
void norm_slopes(ConstMap x, ConstMap dy, Size rows, Size channels, const float* scale, const float* shift,
                 const float* mean, bool silu, Map du, double* sum, double* moment);

/// y = du * a + x * b + c + base with a, b, c a number a channel.
void affine_of_two(ConstMap du, ConstMap x, const float* a, const float* b, const float* c, const Base& base, Size rows,
                   Size channels, Map y);

/// sums[c] = sum of x over all rows.
void column_sums(ConstMap x, Size rows, Size channels, double* sums);

/// For p = softmax(scale * x) of each row: dp becomes dx = scale * p (dp - sum p dp).
void softmax_slope(const float* p, float* dp, Size rows, Size columns, Size stride, float scale);

/// c[r * 16 + n] = sum_t a[t * 16 + r] b[t * 16 + n] for r, n < 16, onto what is there where `add`: one tile of a^T b
/// for a and b in blocks of pack_rows().
void outer_product(const float* a, const float* b, Size count, bool add, float* c);

/// A dY A^T of tiles [first, first + count) in the layout of winograd_input(): the transpose of winograd_output().
void winograd_slope(const Picture& picture, ConstMap dy, Size out, Size first, Size count, float* u, Size stride);

/// One 16 x 16 tile of a weight's gradient at all 9 taps from one block of channels of winograd_input() and one of
/// winograd_slope(), `a_stride` and `b_stride` from point to point: sums[tap * tap_stride + r * 16 + n] +=
/// (G^T [sum over tiles of a b] G) (Lavin & Gray 2016, turned around).
void winograd_outer_product(const float* a, Size a_stride, const float* b, Size b_stride, Size count, float* sums,
                            Size tap_stride);

}  // namespace scoresde::simd
