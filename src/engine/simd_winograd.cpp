#include <algorithm>

#include "engine/simd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/simd_winograd.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "engine/simd_inline.h"

HWY_BEFORE_NAMESPACE();
namespace scoresde::simd::HWY_NAMESPACE {

constexpr double a = 0.75, b = 1.5;  // the points +-a, +-b

// A tile of two outputs a column has the points 0, a, -a and infinity, and their weights: what Winograd's weights would
// be divided by for these points alone, the inputs are multiplied by, point^2 - b^2.
template <int Outputs>
constexpr bool has_point(Size i) {
  return Outputs == 4 || (i != 3 && i != 4);
}

// B^T d for a column of Outputs + 2: for 4, rows x (x^2 - a^2)(x^2 - b^2) / (x - point) of the points 0, a, -a, b, -b
// and infinity; for 2, x (x^2 - a^2) (point^2 - b^2) / (x - point).
template <int Outputs>
HWY_INLINE void input_transform(const V d[6], V out[6]) {
  if constexpr (Outputs == 2) {
    const V even = hn::Mul(number(a * a - b * b), d[2]);
    out[0] = hn::MulAdd(number(a * a * b * b), d[0], hn::Mul(number(-b * b), d[2]));
    out[1] = hn::MulAdd(number(a * (a * a - b * b)), d[1], even);
    out[2] = hn::NegMulAdd(number(a * (a * a - b * b)), d[1], even);
    out[5] = hn::NegMulAdd(number(a * a), d[1], d[3]);
    return;
  }
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

// A^T m: powers 0 to Outputs - 1 of the points.
template <int Outputs>
HWY_INLINE void output_transform(const V m[6], V out[4]) {
  if constexpr (Outputs == 2) {
    out[0] = hn::Add(m[0], hn::Add(m[1], m[2]));
    out[1] = hn::MulAdd(number(a), hn::Sub(m[1], m[2]), m[5]);
    return;
  }
  const V sum_a = hn::Add(m[1], m[2]), sum_b = hn::Add(m[3], m[4]);
  const V odd_a = hn::Sub(m[1], m[2]), odd_b = hn::Sub(m[3], m[4]);
  out[0] = hn::Add(hn::Add(m[0], sum_a), sum_b);
  out[1] = hn::MulAdd(number(a), odd_a, hn::Mul(number(b), odd_b));
  out[2] = hn::MulAdd(number(a * a), sum_a, hn::Mul(number(b * b), sum_b));
  out[3] = hn::MulAdd(number(a * a * a), odd_a, hn::MulAdd(number(b * b * b), odd_b, m[5]));
}

struct TilePlace {
  Size sample, top, left;  // of its outputs
  bool cut_down, cut_across;
};

HWY_INLINE TilePlace place_of(const Picture& picture, Size tile) {
  const bool down = picture.cut_down(), across = picture.cut_across();
  const Size whole_rows = picture.tiles_down() - down, whole_columns = picture.tiles_across() - across;
  const auto within = [&](Size rows, Size columns, bool cut_down, bool cut_across) {
    return TilePlace{tile / (rows * columns), (tile % (rows * columns) / columns + (cut_down ? whole_rows : 0)) * 4,
                     (tile % columns + (cut_across ? whole_columns : 0)) * 4, cut_down, cut_across};
  };
  const Size right = across ? whole_rows * picture.samples : 0;
  if (tile < right) return within(whole_rows, 1, false, true);
  tile -= right;
  const Size whole = whole_rows * whole_columns * picture.samples;
  if (tile < whole) return within(whole_rows, whole_columns, false, false);
  tile -= whole;
  const Size bottom = whole_columns * picture.samples;
  if (tile < bottom) return within(1, whole_columns, true, false);
  tile -= bottom;
  return within(1, 1, true, true);
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

template <int Pair>
void weights_pair(const float* w, Size count, float* to, Size stride) {
  const F d;
  for (Size k = 0; k < count; ++k)
    for (Size n = 0; n < winograd_columns; n += lanes) {
      const float* from = w + k * 9 * winograd_columns + n;
      V half[2][3];
#pragma GCC unroll 3
      for (Size j = 0; j < 3; ++j) {
        V column[3], transformed[6];
#pragma GCC unroll 3
        for (Size i = 0; i < 3; ++i) column[i] = hn::LoadU(d, from + (i * 3 + j) * winograd_columns);
        weight_transform(column, transformed);
        for (Size i = 0; i < 2; ++i) half[i][j] = transformed[winograd_row(Pair, i)];
      }
#pragma GCC unroll 2
      for (Size i = 0; i < 2; ++i) {
        V out[6];
        weight_transform(half[i], out);
        float* const at = to + i * 6 * stride + (n / panel * count + k) * panel + n % panel;
#pragma GCC unroll 6
        for (Size j = 0; j < 6; ++j) hn::StoreU(out[j], d, at + j * stride);
      }
    }
}

void winograd_weights(const float* packed, Size in, Size strip, Size first, Size count, Size pair, float* transformed,
                      Size stride) {
  constexpr decltype(&weights_pair<0>) pairs[] = {weights_pair<0>, weights_pair<1>, weights_pair<2>};
  pairs[pair](packed + (strip * round_up(in, block) + first) * 9 * winograd_columns, count, transformed, stride);
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
template <int Down, int Across, bool Full>
void input_vector(const float* const pixels[36], Size k, Size n, float* to, Size stride) {
  const F d;
  V half[36];
#pragma GCC unroll 6
  for (Size j = 0; j < Across + 2; ++j) {
    V column[6], out[6];
#pragma GCC unroll 6
    for (Size i = 0; i < Down + 2; ++i) {
      const float* const from = pixels[i * 6 + j] + k;
      column[i] = Full ? hn::LoadU(d, from) : n > 0 ? load_some(from, n) : hn::Zero(d);
    }
    input_transform<Down>(column, out);
#pragma GCC unroll 6
    for (Size i = 0; i < 6; ++i)
      if (has_point<Down>(i)) half[i * 6 + j] = out[i];
  }
#pragma GCC unroll 6
  for (Size i = 0; i < 6; ++i, to += 6 * stride) {
    if (!has_point<Down>(i)) continue;
    V out[6];
    input_transform<Across>(half + i * 6, out);
#pragma GCC unroll 6
    for (Size j = 0; j < 6; ++j)
      if (has_point<Across>(j)) hn::StoreU(out[j], d, to + j * stride);
  }
}

void winograd_input(const Picture& picture, ConstMap x, Size in, Size first, Size count, float* v, Size stride) {
  using Function = decltype(&input_vector<4, 4, true>);
  constexpr Function functions[2][2][2] = {
      {{input_vector<4, 4, false>, input_vector<4, 4, true>}, {input_vector<4, 2, false>, input_vector<4, 2, true>}},
      {{input_vector<2, 4, false>, input_vector<2, 4, true>}, {input_vector<2, 2, false>, input_vector<2, 2, true>}}};
  for (Size t = 0; t < count; ++t) {
    const TilePlace place = place_of(picture, first + t);
    const auto& function = functions[place.cut_down][place.cut_across];
    for (Size begin = 0; begin < round_up(in, block); begin += channels_at_once) {
      const float* pixels[36];
      pixels_of(picture, {x.data + begin, x.stride}, place, pixels);
      const Size channels = HWY_MIN(channels_at_once, round_up(in, block) - begin);
      for (Size k = 0; k < channels; k += lanes) {
        const Size channel = begin + k, n = in - channel;
        function[n >= lanes](pixels, k, n, v + (channel / block * count + t) * block + channel % block, stride);
      }
    }
  }
}

// The pixels of a tile that lie in the picture, from row `corner` of its map on.
struct TileOutputs {
  Size corner, width, down, across;
};

// One vector of outputs of a tile, finished: the branches are taken once a vector.
template <int Down, int Across, bool Full, bool Residual>
void output_vector(const float* m, Size stride, const TileOutputs& tile, const Finish& finish, Map y, Size n,
                   Size left) {
  const F d;
  V half[24];
#pragma GCC unroll 6
  for (Size j = 0; j < 6; ++j, m += stride) {
    if (!has_point<Across>(j)) continue;
    V column[6], result[4];
#pragma GCC unroll 6
    for (Size i = 0; i < 6; ++i)
      if (has_point<Down>(i)) column[i] = hn::LoadU(d, m + i * 6 * stride);
    output_transform<Down>(column, result);
#pragma GCC unroll 4
    for (Size i = 0; i < Down; ++i) half[i * 6 + j] = result[i];
  }
  const auto load = [&](const float* from) HWY_ATTR { return Full ? hn::LoadU(d, from) : load_some(from, left); };
  const V scale = hn::Set(d, finish.scale);
  const V bias = hn::Mul(scale, hn::Add(finish.bias ? load(finish.bias + n) : hn::Zero(d),
                                        finish.more_bias ? load(finish.more_bias + n) : hn::Zero(d)));
  float* to = y.data + tile.corner * y.stride + n;
  const float* residual = Residual ? finish.residual.data + tile.corner * finish.residual.stride + n : nullptr;
#pragma GCC unroll 4
  for (Size i = 0; i < Down; ++i) {
    if (i >= tile.down) break;
    V result[4];
    output_transform<Across>(half + i * 6, result);
#pragma GCC unroll 4
    for (Size j = 0; j < Across; ++j) {
      if (j >= tile.across) break;
      V sum = result[j];
      if constexpr (Residual) sum = hn::Add(sum, load(residual + j * finish.residual.stride));
      sum = hn::MulAdd(sum, scale, bias);
      if constexpr (Full)
        hn::StoreU(sum, d, to + j * y.stride);
      else
        store_some(sum, to + j * y.stride, left);
    }
    to += tile.width * y.stride;
    if constexpr (Residual) residual += tile.width * finish.residual.stride;
  }
}

template <int Down, int Across>
constexpr decltype(&output_vector<4, 4, true, true>) output_functions[2][2] = {
    {output_vector<Down, Across, false, false>, output_vector<Down, Across, false, true>},
    {output_vector<Down, Across, true, false>, output_vector<Down, Across, true, true>}};

void winograd_output(const Picture& picture, const float* m, Size stride, Size out, Size first, Size count,
                     const Finish& finish, Map y) {
  constexpr decltype(&output_functions<4, 4>) functions[2][2] = {{&output_functions<4, 4>, &output_functions<4, 2>},
                                                                 {&output_functions<2, 4>, &output_functions<2, 2>}};
  for (Size t = 0; t < count; ++t, m += winograd_columns) {
    const TilePlace place = place_of(picture, first + t);
    const TileOutputs tile{(place.sample * picture.height + place.top) * picture.width + place.left, picture.width,
                           HWY_MIN(Size{4}, picture.height - place.top), HWY_MIN(Size{4}, picture.width - place.left)};
    const auto& function = *functions[place.cut_down][place.cut_across];
    for (Size n = 0; n < out; n += lanes)
      function[out - n >= lanes][finish.residual.data != nullptr](m + n, stride, tile, finish, y, n, out - n);
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

void winograd_weights(const float* packed, Size in, Size strip, Size first, Size count, Size pair, float* transformed,
                      Size stride) {
  HWY_DYNAMIC_DISPATCH(winograd_weights)(packed, in, strip, first, count, pair, transformed, stride);
}

// Not where it is called: g++ takes a function that only fetches for one without effect, and drops the call.
void fetch(const float* from, Size floats) {
  for (Size i = 0; i < floats; i += block) __builtin_prefetch(from + i, 0, 2);
}

Range Picture::tiles_with(Size point, Range tiles) const {
  const auto is_far = [](Size i) { return i == 3 || i == 4; };
  const Size right = cut_across() ? (tiles_down() - cut_down()) * samples : 0;  // cut across alone
  const Size bottom = cut_down() ? tiles_across() * samples : 0, corners = cut_down() && cut_across() ? samples : 0;
  const Size first = is_far(point % 6) ? right : 0;
  const Size last = this->tiles() - (is_far(point / 6) ? bottom : is_far(point % 6) ? corners : 0);
  return {std::clamp(first, tiles.first, tiles.last), std::clamp(last, tiles.first, tiles.last)};
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
