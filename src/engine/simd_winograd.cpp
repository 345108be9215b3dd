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

// G w for a column of three.
HWY_INLINE void weight_transform(const V g[3], V out[6]) {
  constexpr double at_a = 2 * a * a * (a * a - b * b), at_b = 2 * b * b * (b * b - a * a);
  const V even_a = hn::Mul(number(1 / at_a), hn::MulAdd(number(a * a), g[2], g[0]));
  const V even_b = hn::Mul(number(1 / at_b), hn::MulAdd(number(b * b), g[2], g[0]));
  out[0] = hn::Mul(number(1 / (a * a * b * b)), g[0]);
  out[1] = hn::MulAdd(number(a / at_a), g[1], even_a);
  out[2] = hn::NegMulAdd(number(a / at_a), g[1], even_a);
  out[3] = hn::MulAdd(number(b / at_b), g[1], even_b);
  out[4] = hn::NegMulAdd(number(b / at_b), g[1], even_b);
  out[5] = g[2];
}

template <int Row>
void weights_row(const float* w, Size count, float* to, Size stride) {
  const F d;
  for (Size k = 0; k < count; ++k)
    for (Size n = 0; n < winograd_columns; n += lanes) {
      const float* from = w + k * 9 * winograd_columns + n;
      V half[3], out[6];
#pragma GCC unroll 3
      for (Size j = 0; j < 3; ++j) {
        V column[3], transformed[6];
#pragma GCC unroll 3
        for (Size i = 0; i < 3; ++i) column[i] = hn::LoadU(d, from + (i * 3 + j) * winograd_columns);
        weight_transform(column, transformed);
        half[j] = transformed[Row];
      }
      weight_transform(half, out);
#pragma GCC unroll 6
      for (Size j = 0; j < 6; ++j) hn::StoreU(out[j], d, to + j * stride + (n / panel * count + k) * panel + n % panel);
    }
}

void winograd_weights(const float* packed, Size in, Size strip, Size first, Size count, Size row, float* transformed,
                      Size stride) {
  constexpr decltype(&weights_row<0>) rows[] = {weights_row<0>, weights_row<1>, weights_row<2>,
                                                weights_row<3>, weights_row<4>, weights_row<5>};
  rows[row](packed + (strip * round_up(in, block) + first) * 9 * winograd_columns, count, transformed, stride);
}

// What lies outside of the picture, for as many channels as are transformed with one set of pointers.
constexpr Size channels_at_once = 256;
alignas(64) constexpr float zeros[channels_at_once] = {};

HWY_INLINE void pixels_of(const Picture& picture, ConstMap x, const TilePlace& place, const float* pixels[36]) {
  for (Size i = 0; i < 6; ++i) {
    const Size row = place.top - 1 + i;
    const bool row_inside = row >= 0 && row < picture.height;
    const float* const from = x.data + (place.sample * picture.height + row) * picture.width * x.stride;
    for (Size j = 0; j < 6; ++j) {
      const Size column = place.left - 1 + j;
      pixels[i * 6 + j] = row_inside && column >= 0 && column < picture.width ? from + column * x.stride : zeros;
    }
  }
}

// One vector of channels of a tile. `Full`: all its lanes are channels of the map; otherwise the first n are.
template <bool Full>
void input_vector(const float* const pixels[36], Size k, Size n, float* to, Size stride) {
  const F d;
  V half[36];
#pragma GCC unroll 6
  for (Size j = 0; j < 6; ++j) {
    V column[6], out[6];
#pragma GCC unroll 6
    for (Size i = 0; i < 6; ++i) {
      const float* const from = pixels[i * 6 + j] + k;
      column[i] = Full ? hn::LoadU(d, from) : n > 0 ? load_some(from, n) : hn::Zero(d);
    }
    input_transform(column, out);
#pragma GCC unroll 6
    for (Size i = 0; i < 6; ++i) half[i * 6 + j] = out[i];
  }
#pragma GCC unroll 6
  for (Size i = 0; i < 6; ++i) {
    V out[6];
    input_transform(half + i * 6, out);
#pragma GCC unroll 6
    for (Size j = 0; j < 6; ++j) hn::StoreU(out[j], d, to + (i * 6 + j) * stride);
  }
}

void winograd_input(const Picture& picture, ConstMap x, Size in, Size first, Size count, float* v, Size stride) {
  for (Size t = 0; t < count; ++t) {
    const TilePlace place = place_of(picture, first + t);
    for (Size begin = 0; begin < round_up(in, block); begin += channels_at_once) {
      const float* pixels[36];
      pixels_of(picture, {x.data + begin, x.stride}, place, pixels);
      const Size channels = HWY_MIN(channels_at_once, round_up(in, block) - begin);
      for (Size k = 0; k < channels; k += lanes) {
        const Size channel = begin + k, n = in - channel;
        float* const to = v + (channel / block * count + t) * block + channel % block;
        n >= lanes ? input_vector<true>(pixels, k, n, to, stride) : input_vector<false>(pixels, k, n, to, stride);
      }
    }
  }
}

// The pixels of a tile that lie in the picture, from row `corner` of its map on.
struct TileOutputs {
  Size corner, width, down, across;
};

// One vector of outputs of a tile, as finish_and_store() would: the branches are taken once a vector.
template <bool Full, bool Residual>
void output_vector(const float* m, Size stride, const TileOutputs& tile, const Finish& finish, Map y, Size n,
                   Size left) {
  const F d;
  V half[24];
#pragma GCC unroll 6
  for (Size j = 0; j < 6; ++j) {
    V column[6], result[4];
#pragma GCC unroll 6
    for (Size i = 0; i < 6; ++i) column[i] = hn::LoadU(d, m + (i * 6 + j) * stride);
    output_transform(column, result);
#pragma GCC unroll 4
    for (Size i = 0; i < 4; ++i) half[i * 6 + j] = result[i];
  }
  const auto load = [&](const float* from) HWY_ATTR { return Full ? hn::LoadU(d, from) : load_some(from, left); };
  const V bias = finish.bias ? load(finish.bias + n) : hn::Zero(d);
  const V more_bias = finish.more_bias ? load(finish.more_bias + n) : hn::Zero(d);
  const V scale = hn::Set(d, finish.scale);
#pragma GCC unroll 4
  for (Size i = 0; i < 4; ++i) {
    if (i >= tile.down) break;
    V result[4];
    output_transform(half + i * 6, result);
    const Size row = tile.corner + i * tile.width;
    float* const to = y.data + row * y.stride + n;
#pragma GCC unroll 4
    for (Size j = 0; j < 4; ++j) {
      if (j >= tile.across) break;
      V sum = hn::Add(hn::Add(result[j], bias), more_bias);
      if constexpr (Residual) sum = hn::Add(sum, load(finish.residual.data + (row + j) * finish.residual.stride + n));
      sum = hn::Mul(sum, scale);
      if constexpr (Full)
        hn::StoreU(sum, d, to + j * y.stride);
      else
        store_some(sum, to + j * y.stride, left);
    }
  }
}

void winograd_output(const Picture& picture, const float* m, Size stride, Size out, Size first, Size count,
                     const Finish& finish, Map y) {
  for (Size t = 0; t < count; ++t, m += winograd_columns) {
    const TilePlace place = place_of(picture, first + t);
    const TileOutputs tile{(place.sample * picture.height + place.top) * picture.width + place.left, picture.width,
                           HWY_MIN(Size{4}, picture.height - place.top), HWY_MIN(Size{4}, picture.width - place.left)};
    for (Size n = 0; n < out; n += lanes) {
      const bool full = out - n >= lanes;
      const auto vector = finish.residual.data ? full ? &output_vector<true, true> : &output_vector<false, true>
                          : full ? &output_vector<true, false>
                                               : &output_vector<false, false>;
      vector(m + n, stride, tile, finish, y, n, out - n);
    }
  }
}

}  // namespace scoresde::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace scoresde::simd {

HWY_EXPORT(winograd_input);
HWY_EXPORT(winograd_output);
HWY_EXPORT(winograd_weights);

void winograd_input(const Picture& picture, ConstMap x, Size in, Size first, Size count, float* v, Size stride) {
  HWY_DYNAMIC_DISPATCH(winograd_input)(picture, x, in, first, count, v, stride);
}

void winograd_output(const Picture& picture, const float* m, Size stride, Size out, Size first, Size count,
                     const Finish& finish, Map y) {
  HWY_DYNAMIC_DISPATCH(winograd_output)(picture, m, stride, out, first, count, finish, y);
}

void winograd_weights(const float* packed, Size in, Size strip, Size first, Size count, Size row, float* transformed,
                      Size stride) {
  HWY_DYNAMIC_DISPATCH(winograd_weights)(packed, in, strip, first, count, row, transformed, stride);
}

Size winograd_packed_size(Size in, Size out) { return round_up(in, block) * 9 * round_up(out, winograd_columns); }

void pack_winograd(const float* w, Size out_stride, Size in_stride, bool turned, Size in, Size out, float* packed) {
  for (Size first = 0; first < out; first += winograd_columns)
    for (Size k = 0; k < round_up(in, block); ++k)
      for (Size i = 0; i < 9; ++i)
        for (Size n = first; n < first + winograd_columns; ++n)
          *packed++ = k < in && n < out ? w[n * out_stride + k * in_stride + (turned ? 8 - i : i)] : 0;
}

}  // namespace scoresde::simd
#endif
