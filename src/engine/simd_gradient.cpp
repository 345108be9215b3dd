#include "engine/simd_gradient.h"

#include <array>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/simd_gradient.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "engine/simd_inline.h"

HWY_BEFORE_NAMESPACE();
namespace scoresde::simd::HWY_NAMESPACE {
namespace {

template <class Function>
HWY_INLINE void for_each_vector(Size rows, Size channels, const Base& base, Map y, Function function) {
  const V factor = hn::Set(F(), base.scale);
  for (Size r = 0; r < rows; ++r)
    for (Size c = 0; c < channels; c += lanes) {
      const Size n = channels - c;
      V v = function(r, c, n);
      if (base.map.data) v = hn::MulAdd(load_some(base.map.data + r * base.map.stride + c, n), factor, v);
      store_some(v, y.data + r * y.stride + c, n);
    }
}

HWY_INLINE V at(ConstMap x, Size r, Size c, Size n) { return load_some(x.data + r * x.stride + c, n); }

// Derivative of x / (1 + exp(-x)): s + x s (1 - s) with s = 1 / (1 + exp(-x)).
HWY_INLINE V silu_slope(V x) {
  const V s = hn::Div(number(1), hn::Add(number(1), exponential(hn::Neg(x))));
  return hn::MulAdd(hn::Mul(x, s), hn::Sub(number(1), s), s);
}

}  // namespace

void scale_rows(ConstMap a, float a_scale, const Base& base, Size rows, Size channels, Map y) {
  const V factor = hn::Set(F(), a_scale);
  for_each_vector(rows, channels, base, y,
                  [&](Size r, Size c, Size n) HWY_ATTR { return hn::Mul(at(a, r, c, n), factor); });
}

void multiply_rows(ConstMap a, ConstMap b, const Base& base, Size rows, Size channels, Map y) {
  for_each_vector(rows, channels, base, y,
                  [&](Size r, Size c, Size n) HWY_ATTR { return hn::Mul(at(a, r, c, n), at(b, r, c, n)); });
}

void activation_slope(Activation activation, float slope, ConstMap x, ConstMap dy, const Base& base, Size rows,
                      Size channels, Map y) {
  const V zero = number(0), one = number(1), factor = hn::Set(F(), slope);
  for_each_vector(rows, channels, base, y, [&](Size r, Size c, Size n) HWY_ATTR {
    const V v = at(x, r, c, n), d = at(dy, r, c, n);
    if (activation == Activation::silu) return hn::Mul(d, silu_slope(v));
    const V below = activation == Activation::elu ? exponential(v) : factor;
    return hn::Mul(d, hn::IfThenElse(hn::Gt(v, zero), one, below));
  });
}

namespace {

// Rows that are summed in single precision, and stay in the first-level cache from one channel to the next.
constexpr Size rows_at_once = 32;

HWY_INLINE void add_lanes(V v, Size n, double* sums) {
  HWY_ALIGN float part[16] = {};
  hn::Store(v, F(), part);
  for (Size i = 0; i < HWY_MIN(lanes, n); ++i) sums[i] += static_cast<double>(part[i]);
}

}  // namespace

void norm_slopes(ConstMap x, ConstMap dy, Size rows, Size channels, const float* scale, const float* shift,
                 const float* mean, bool silu, Map du, double* sum, double* moment) {
  for (Size c = 0; c < channels; ++c) sum[c] = moment[c] = 0;
  for (Size begin = 0; begin < rows; begin += rows_at_once)
    for (Size c = 0; c < channels; c += lanes) {
      const Size n = channels - c;
      const V factor = load_some(scale + c, n), offset = load_some(shift + c, n), middle = load_some(mean + c, n);
      V sum_here = hn::Zero(F()), moment_here = hn::Zero(F());
      for (Size r = begin; r < HWY_MIN(rows, begin + rows_at_once); ++r) {
        const V v = at(x, r, c, n);
        V d = at(dy, r, c, n);
        if (silu) d = hn::Mul(d, silu_slope(hn::MulAdd(v, factor, offset)));
        sum_here = hn::Add(sum_here, d);
        moment_here = hn::MulAdd(d, hn::Sub(v, middle), moment_here);
        store_some(d, du.data + r * du.stride + c, n);
      }
      add_lanes(sum_here, n, sum + c);
      add_lanes(moment_here, n, moment + c);
    }
}

void affine_of_two(ConstMap du, ConstMap x, const float* a, const float* b, const float* c, const Base& base, Size rows,
                   Size channels, Map y) {
  for_each_vector(rows, channels, base, y, [&](Size r, Size k, Size n) HWY_ATTR {
    const V rest = hn::MulAdd(at(x, r, k, n), load_some(b + k, n), load_some(c + k, n));
    return hn::MulAdd(at(du, r, k, n), load_some(a + k, n), rest);
  });
}

void column_sums(ConstMap x, Size rows, Size channels, double* sums) {
  for (Size c = 0; c < channels; ++c) sums[c] = 0;
  for (Size begin = 0; begin < rows; begin += rows_at_once)
    for (Size c = 0; c < channels; c += lanes) {
      V sum = hn::Zero(F());
      for (Size r = begin; r < HWY_MIN(rows, begin + rows_at_once); ++r) sum = hn::Add(sum, at(x, r, c, channels - c));
      add_lanes(sum, channels - c, sums + c);
    }
}

// Sums run in 16 lanes whatever the vector width, then lane by lane.
void softmax_slope(const float* p, float* dp, Size rows, Size columns, Size stride, float scale) {
  constexpr Size parts = block / lanes;
  const F d;
  for (Size r = 0; r < rows; ++r, p += stride, dp += stride) {
    V sums[parts];
    for (V& sum : sums) sum = hn::Zero(d);
    for (Size c = 0; c < columns; c += block)
      for (Size i = 0; i < parts; ++i)
        if (const Size k = c + i * lanes; k < columns)
          sums[i] = hn::MulAdd(load_some(p + k, columns - k), load_some(dp + k, columns - k), sums[i]);
    HWY_ALIGN float part[block] = {};
    for (Size i = 0; i < parts; ++i) hn::Store(sums[i], d, part + i * lanes);
    float total = 0;
    for (const float value : part) total += value;
    const V mean = hn::Set(d, total), factor = hn::Set(d, scale);
    for (Size c = 0; c < columns; c += lanes) {
      const Size n = columns - c;
      const V slope = hn::Mul(load_some(p + c, n), hn::Sub(load_some(dp + c, n), mean));
      store_some(hn::Mul(slope, factor), dp + c, n);
    }
  }
}

namespace {

constexpr Size vectors = block / lanes;
constexpr int tile_rows = lanes >= block ? 16 : 6;  // what the registers hold beside a row of b

template <int Rows>
HWY_INLINE void outer_rows(const float* a, const float* b, Size count, bool add, float* c) {
  const F d;
  V sum[Rows][vectors];
#pragma GCC unroll 16
  for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 4
    for (Size v = 0; v < vectors; ++v) sum[r][v] = add ? hn::LoadU(d, c + r * block + v * lanes) : hn::Zero(d);
  for (Size t = 0; t < count; ++t, a += block, b += block) {
    V row[vectors];
#pragma GCC unroll 4
    for (Size v = 0; v < vectors; ++v) row[v] = hn::LoadU(d, b + v * lanes);
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r) {
      const V x = hn::Set(d, a[r]);
#pragma GCC unroll 4
      for (Size v = 0; v < vectors; ++v) sum[r][v] = hn::MulAdd(x, row[v], sum[r][v]);
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 4
    for (Size v = 0; v < vectors; ++v) hn::StoreU(sum[r][v], d, c + r * block + v * lanes);
}

HWY_INLINE void outer_tile(const float* a, const float* b, Size count, bool add, float* c) {
  if constexpr (tile_rows == 16) {
    outer_rows<16>(a, b, count, add, c);
  } else {
    outer_rows<6>(a, b, count, add, c);
    outer_rows<5>(a + 6, b, count, add, c + 6 * block);
    outer_rows<5>(a + 11, b, count, add, c + 11 * block);
  }
}

constexpr double near = winograd_near, far = winograd_far;

// A y for a column of four: the polynomial with these coefficients at the points 0, +-near, +-far and infinity.
HWY_INLINE void slope_transform(const V y[4], V out[6]) {
  const V even_a = hn::MulAdd(number(near * near), y[2], y[0]), even_b = hn::MulAdd(number(far * far), y[2], y[0]);
  const V odd_a = hn::MulAdd(number(near * near * near), y[3], hn::Mul(number(near), y[1]));
  const V odd_b = hn::MulAdd(number(far * far * far), y[3], hn::Mul(number(far), y[1]));
  out[0] = y[0];
  out[1] = hn::Add(even_a, odd_a);
  out[2] = hn::Sub(even_a, odd_a);
  out[3] = hn::Add(even_b, odd_b);
  out[4] = hn::Sub(even_b, odd_b);
  out[5] = y[3];
}

// G^T m for a column of six.
HWY_INLINE void weight_slope_transform(const V m[6], V out[3]) {
  constexpr double at_zero = near * near * far * far, at_near = 2 * near * near * (near * near - far * far),
                   at_far = 2 * far * far * (far * far - near * near);
  const V sum_a = hn::Mul(hn::Add(m[1], m[2]), number(1 / at_near)),
          sum_b = hn::Mul(hn::Add(m[3], m[4]), number(1 / at_far));
  const V odd_a = hn::Sub(m[1], m[2]), odd_b = hn::Sub(m[3], m[4]);
  out[0] = hn::MulAdd(m[0], number(1 / at_zero), hn::Add(sum_a, sum_b));
  out[1] = hn::MulAdd(odd_a, number(near / at_near), hn::Mul(odd_b, number(far / at_far)));
  out[2] = hn::MulAdd(sum_a, number(near * near), hn::MulAdd(sum_b, number(far * far), m[5]));
}

}  // namespace

void outer_product(const float* a, const float* b, Size count, bool add, float* c) { outer_tile(a, b, count, add, c); }

void winograd_slope(const Picture& picture, ConstMap dy, Size out, Size first, Size count, float* u, Size stride) {
  const F d;
  const Size blocks = round_up(out, block) / block;
  for (Size t = 0; t < count; ++t) {
    const Size tiles = picture.tiles_down() * picture.tiles_across();
    const Size in_sample = (first + t) % tiles, sample = (first + t) / tiles;
    const Size top = in_sample / picture.tiles_across() * 4, left = in_sample % picture.tiles_across() * 4;
    const float* pixels[16];
    for (Size i = 0; i < 16; ++i) {
      const Size row = top + i / 4, column = left + i % 4;
      const bool inside = row < picture.height && column < picture.width;
      pixels[i] = inside ? dy.data + ((sample * picture.height + row) * picture.width + column) * dy.stride : nullptr;
    }
    for (Size k = 0; k < blocks * block; k += lanes) {
      V half[24];
      const Size n = out - k;
      for (Size j = 0; j < 4; ++j) {
        V column[4], result[6];
#pragma GCC unroll 4
        for (Size i = 0; i < 4; ++i)
          column[i] = pixels[i * 4 + j] && n > 0 ? load_some(pixels[i * 4 + j] + k, n) : hn::Zero(d);
        slope_transform(column, result);
#pragma GCC unroll 6
        for (Size i = 0; i < 6; ++i) half[i * 4 + j] = result[i];
      }
      float* to = u + (k / block * count + t) * block + k % block;
      for (Size i = 0; i < 6; ++i) {
        V result[6];
        slope_transform(half + i * 4, result);
#pragma GCC unroll 6
        for (Size j = 0; j < 6; ++j) hn::StoreU(result[j], d, to + (i * 6 + j) * stride);
      }
    }
  }
}

void winograd_outer_product(const float* a, Size a_stride, const float* b, Size b_stride, Size count, float* sums,
                            Size tap_stride) {
  const F d;
  constexpr Size tile = block * block;
  HWY_ALIGN float m[winograd_points * tile];
  for (Size point = 0; point < winograd_points; ++point)
    outer_tile(a + point * a_stride, b + point * b_stride, count, false, m + point * tile);
  for (Size k = 0; k < tile; k += lanes) {
    V half[18];
    for (Size j = 0; j < 6; ++j) {
      V column[6], result[3];
#pragma GCC unroll 6
      for (Size i = 0; i < 6; ++i) column[i] = hn::Load(d, m + (i * 6 + j) * tile + k);
      weight_slope_transform(column, result);
#pragma GCC unroll 3
      for (Size i = 0; i < 3; ++i) half[i * 6 + j] = result[i];
    }
    for (Size i = 0; i < 3; ++i) {
      V result[3];
      weight_slope_transform(half + i * 6, result);
#pragma GCC unroll 3
      for (Size j = 0; j < 3; ++j) {
        float* const to = sums + (i * 3 + j) * tap_stride + k;
        hn::StoreU(hn::Add(hn::LoadU(d, to), result[j]), d, to);
      }
    }
  }
}

}  // namespace scoresde::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace scoresde::simd {

HWY_EXPORT(scale_rows);
HWY_EXPORT(multiply_rows);
HWY_EXPORT(activation_slope);
HWY_EXPORT(norm_slopes);
HWY_EXPORT(affine_of_two);
HWY_EXPORT(column_sums);
HWY_EXPORT(softmax_slope);
HWY_EXPORT(outer_product);
HWY_EXPORT(winograd_slope);
HWY_EXPORT(winograd_outer_product);

void scale_rows(ConstMap a, float a_scale, const Base& base, Size rows, Size channels, Map y) {
  HWY_DYNAMIC_DISPATCH(scale_rows)(a, a_scale, base, rows, channels, y);
}

void multiply_rows(ConstMap a, ConstMap b, const Base& base, Size rows, Size channels, Map y) {
  HWY_DYNAMIC_DISPATCH(multiply_rows)(a, b, base, rows, channels, y);
}

void activation_slope(Activation activation, float slope, ConstMap x, ConstMap dy, const Base& base, Size rows,
                      Size channels, Map y) {
  HWY_DYNAMIC_DISPATCH(activation_slope)(activation, slope, x, dy, base, rows, channels, y);
}

void norm_slopes(ConstMap x, ConstMap dy, Size rows, Size channels, const float* scale, const float* shift,
                 const float* mean, bool silu, Map du, double* sum, double* moment) {
  HWY_DYNAMIC_DISPATCH(norm_slopes)(x, dy, rows, channels, scale, shift, mean, silu, du, sum, moment);
}

void affine_of_two(ConstMap du, ConstMap x, const float* a, const float* b, const float* c, const Base& base, Size rows,
                   Size channels, Map y) {
  HWY_DYNAMIC_DISPATCH(affine_of_two)(du, x, a, b, c, base, rows, channels, y);
}

void column_sums(ConstMap x, Size rows, Size channels, double* sums) {
  HWY_DYNAMIC_DISPATCH(column_sums)(x, rows, channels, sums);
}

void softmax_slope(const float* p, float* dp, Size rows, Size columns, Size stride, float scale) {
  HWY_DYNAMIC_DISPATCH(softmax_slope)(p, dp, rows, columns, stride, scale);
}

void outer_product(const float* a, const float* b, Size count, bool add, float* c) {
  HWY_DYNAMIC_DISPATCH(outer_product)(a, b, count, add, c);
}

void winograd_slope(const Picture& picture, ConstMap dy, Size out, Size first, Size count, float* u, Size stride) {
  HWY_DYNAMIC_DISPATCH(winograd_slope)(picture, dy, out, first, count, u, stride);
}

void winograd_outer_product(const float* a, Size a_stride, const float* b, Size b_stride, Size count, float* sums,
                            Size tap_stride) {
  HWY_DYNAMIC_DISPATCH(winograd_outer_product)(a, a_stride, b, b_stride, count, sums, tap_stride);
}

}  // namespace scoresde::simd
#endif
