#include <vector>

#include "engine/simd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/simd_winograd.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "engine/simd_inline.h"

HWY_BEFORE_NAMESPACE();
namespace scoresde::simd::HWY_NAMESPACE {

constexpr double a = 0.75, b = 1.5;  // the points +-a, +-b

// B^T d for a column of six: rows x (x^2 - a^2)(x^2 - b^2) / (x - point) of the points 0, a, -a, b, -b and infinity.
HWY_INLINE void input_transform(const V d[6], V out[6]) {
  const V even = hn::MulAdd(number(a * a * b * b), d[0], hn::NegMulAdd(number(a * a + b * b), d[2], d[4]));
  const V last = hn::MulAdd(number(a * a * b * b), d[1], hn::NegMulAdd(number(a * a + b * b), d[3], d[5]));
  const V even_a = hn::NegMulAdd(number(b * b), d[2], d[4]), even_b = hn::NegMulAdd(number(a * a), d[2], d[4]);
  const V odd_a = hn::Mul(number(a), hn::NegMulAdd(number(b * b), d[1], d[3]));
  const V odd_b = hn::Mul(number(b), hn::NegMulAdd(number(a * a), d[1], d[3]));
  out[0] = even;
  out[1] = hn::Add(even_a, odd_a);
  out[2] = hn::Sub(even_a, odd_a);
  out[3] = hn::Add(even_b, odd_b);
  out[4] = hn::Sub(even_b, odd_b);
  out[5] = last;
}

// A^T m for a column of six: powers 0 to 3 of the points.
HWY_INLINE void output_transform(const V m[6], V out[4]) {
  const V sum_a = hn::Add(m[1], m[2]), sum_b = hn::Add(m[3], m[4]);
  const V odd_a = hn::Sub(m[1], m[2]), odd_b = hn::Sub(m[3], m[4]);
  out[0] = hn::Add(hn::Add(m[0], sum_a), sum_b);
  out[1] = hn::MulAdd(number(a), odd_a, hn::Mul(number(b), odd_b));
  out[2] = hn::MulAdd(number(a * a), sum_a, hn::Mul(number(b * b), sum_b));
  out[3] = hn::MulAdd(number(a * a * a), odd_a, hn::MulAdd(number(b * b * b), odd_b, m[5]));
}

struct TilePlace {
  Size sample, top, left;  // of the 4 x 4 outputs
};

HWY_INLINE TilePlace place_of(const Picture& picture, Size tile) {
  const Size in_sample = tile % picture.tiles();
  return {tile / picture.tiles(), in_sample / picture.tiles_across() * 4, in_sample % picture.tiles_across() * 4};
}

void winograd_input(const Picture& picture, ConstMap x, Size in, Size first, Size count, float* v) {
  const F d;
  const Size blocks = round_up(in, block) / block;
  for (Size t = 0; t < count; ++t) {
    const TilePlace place = place_of(picture, first + t);
    const float* pixels[36];
    for (Size i = 0; i < 36; ++i) {
      const Size row = place.top - 1 + i / 6, column = place.left - 1 + i % 6;
      const bool inside = row >= 0 && row < picture.height && column >= 0 && column < picture.width;
      pixels[i] =
          inside ? x.data + ((place.sample * picture.height + row) * picture.width + column) * x.stride : nullptr;
    }
    for (Size k = 0; k < blocks * block; k += lanes) {
      V half[36];
      const Size n = in - k;
      for (Size j = 0; j < 6; ++j) {
        V column[6], out[6];
#pragma GCC unroll 6
        for (Size i = 0; i < 6; ++i)
          column[i] = pixels[i * 6 + j] && n > 0 ? load_some(pixels[i * 6 + j] + k, n) : hn::Zero(d);
        input_transform(column, out);
#pragma GCC unroll 6
        for (Size i = 0; i < 6; ++i) half[i * 6 + j] = out[i];
      }
      float* to = v + (k / block * count + t) * block + k % block;
      for (Size i = 0; i < 6; ++i) {
        V out[6];
        input_transform(half + i * 6, out);
#pragma GCC unroll 6
        for (Size j = 0; j < 6; ++j) hn::StoreU(out[j], d, to + (i * 6 + j) * blocks * count * block);
      }
    }
  }
}

void winograd_output(const Picture& picture, const float* m, Size columns, Size out, Size first, Size count,
                     const Finish& finish, Map y) {
  const F d;
  for (Size t = 0; t < count; ++t) {
    const TilePlace place = place_of(picture, first + t);
    const Size down = HWY_MIN(Size{4}, picture.height - place.top),
               across = HWY_MIN(Size{4}, picture.width - place.left);
    const Size corner = (place.sample * picture.height + place.top) * picture.width + place.left;
    for (Size n = 0; n < out; n += lanes) {
      V half[24];
      for (Size j = 0; j < 6; ++j) {
        V column[6], result[4];
#pragma GCC unroll 6
        for (Size i = 0; i < 6; ++i) column[i] = hn::LoadU(d, m + ((i * 6 + j) * count + t) * columns + n);
        output_transform(column, result);
#pragma GCC unroll 4
        for (Size i = 0; i < 4; ++i) half[i * 6 + j] = result[i];
      }
      for (Size i = 0; i < down; ++i) {
        V result[4];
        output_transform(half + i * 6, result);
        for (Size j = 0; j < across; ++j)
          finish_and_store(result[j], finish, y, corner + i * picture.width + j, n, out - n);
      }
    }
  }
}

// G w G^T in double for a row of a panel at a time; plain loops, which the compiler turns into vectors.
void transform_weights(const float* weights, Size in, Size out, float* packed) {
  constexpr double at_zero = a * a * b * b, at_a = 2 * a * a * (a * a - b * b), at_b = 2 * b * b * (b * b - a * a);
  constexpr double g[6][3] = {{1 / at_zero, 0, 0},
                              {1 / at_a, a / at_a, a * a / at_a},
                              {1 / at_a, -a / at_a, a * a / at_a},
                              {1 / at_b, b / at_b, b * b / at_b},
                              {1 / at_b, -b / at_b, b * b / at_b},
                              {0, 0, 1}};
  const Size inner = round_up(in, block), size = packed_size(in, out);
  for (Size n = 0; n < out; n += panel)
    for (Size k = 0; k < inner; ++k) {
      double w[9][panel] = {}, half[6][3][panel];
      for (Size j = 0; k < in && j < HWY_MIN(panel, out - n); ++j)
        for (Size tap = 0; tap < 9; ++tap) w[tap][j] = static_cast<double>(weights[((n + j) * in + k) * 9 + tap]);
      for (Size i = 0; i < 6; ++i)
        for (Size c = 0; c < 3; ++c)
          for (Size j = 0; j < panel; ++j)
            half[i][c][j] = g[i][0] * w[c][j] + g[i][1] * w[3 + c][j] + g[i][2] * w[6 + c][j];
      for (Size i = 0; i < 6; ++i)
        for (Size l = 0; l < 6; ++l) {
          float* const to = packed + (i * 6 + l) * size + n * inner + k * panel;
          for (Size j = 0; j < panel; ++j)
            to[j] = static_cast<float>(half[i][0][j] * g[l][0] + half[i][1][j] * g[l][1] + half[i][2][j] * g[l][2]);
        }
    }
}

}  // namespace scoresde::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace scoresde::simd {

HWY_EXPORT(winograd_input);
HWY_EXPORT(winograd_output);
HWY_EXPORT(transform_weights);

void winograd_input(const Picture& picture, ConstMap x, Size in, Size first, Size count, float* v) {
  HWY_DYNAMIC_DISPATCH(winograd_input)(picture, x, in, first, count, v);
}

void winograd_output(const Picture& picture, const float* m, Size columns, Size out, Size first, Size count,
                     const Finish& finish, Map y) {
  HWY_DYNAMIC_DISPATCH(winograd_output)(picture, m, columns, out, first, count, finish, y);
}

void winograd_weights(const float* weights, Size in, Size out, float* packed) {
  HWY_DYNAMIC_DISPATCH(transform_weights)(weights, in, out, packed);
}

}  // namespace scoresde::simd
#endif
