#include <cmath>

#include "engine/simd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/simd_rows.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "engine/simd_inline.h"

HWY_BEFORE_NAMESPACE();
namespace scoresde::simd::HWY_NAMESPACE {

// function(row, channel, channels left): all lanes are full but for the last vector of a row.
template <class Function>
HWY_INLINE void each_vector(Size rows, Size channels, Function function) {
  for (Size r = 0; r < rows; ++r) {
    Size c = 0;
    for (; c + lanes <= channels; c += lanes) function(r, c, lanes);
    if (c < channels) function(r, c, channels - c);
  }
}

void scale_shift(ConstMap x, Size rows, Size channels, const float* scale, const float* shift, bool silu, Map y) {
  const auto affine = [&](Size r, Size c, Size n) HWY_ATTR {
    return hn::MulAdd(load_some(x.data + r * x.stride + c, n), load_some(scale + c, n), load_some(shift + c, n));
  };
  const auto store = [&](V v, Size r, Size c, Size n) HWY_ATTR { store_some(v, y.data + r * y.stride + c, n); };
  if (silu)
    each_vector(rows, channels, [&](Size r, Size c, Size n) HWY_ATTR { store(silu_of(affine(r, c, n)), r, c, n); });
  else
    each_vector(rows, channels, [&](Size r, Size c, Size n) HWY_ATTR { store(affine(r, c, n), r, c, n); });
}

template <class Function>
HWY_INLINE void activate_by(Function function, ConstMap x, Size rows, Size channels, Map y) {
  each_vector(rows, channels, [&](Size r, Size c, Size n) HWY_ATTR {
    store_some(function(load_some(x.data + r * x.stride + c, n)), y.data + r * y.stride + c, n);
  });
}

void activate(Activation activation, float slope, ConstMap x, Size rows, Size channels, Map y) {
  const V zero = number(0), factor = hn::Set(F(), slope);
  const auto elu = [&](V v) HWY_ATTR { return hn::IfThenElse(hn::Gt(v, zero), v, hn::Sub(exponential(v), number(1))); };
  const auto leaky = [&](V v) HWY_ATTR { return hn::IfThenElse(hn::Gt(v, zero), v, hn::Mul(v, factor)); };
  switch (activation) {
    case Activation::silu:
      return activate_by([](V v) HWY_ATTR { return silu_of(v); }, x, rows, channels, y);
    case Activation::elu:
      return activate_by(elu, x, rows, channels, y);
    case Activation::leaky_relu:
      return activate_by(leaky, x, rows, channels, y);
  }
}

void combine_rows(const float* const* rows, const float* weights, Size count, Size channels, float* y) {
  const F d;
  for (Size c = 0; c < channels; c += lanes) {
    V sum = hn::Zero(d);
    for (Size i = 0; i < count; ++i)
      sum = hn::MulAdd(hn::Set(d, weights[i]), load_some(rows[i] + c, channels - c), sum);
    store_some(sum, y + c, channels - c);
  }
}

void add(ConstMap a, ConstMap b, Size rows, Size channels, float scale, Map y) {
  each_vector(rows, channels, [&](Size r, Size c, Size n) HWY_ATTR {
    const V sum = hn::Add(load_some(a.data + r * a.stride + c, n), load_some(b.data + r * b.stride + c, n));
    store_some(hn::Mul(sum, hn::Set(F(), scale)), y.data + r * y.stride + c, n);
  });
}

// Sums of f(x) over all rows, for each channel: single precision within 64 rows, double across. Vectors side by side
// have chains of additions of their own, which would otherwise wait for each other.
template <int Vectors, class Function>
HWY_INLINE void channel_sums_of(ConstMap x, Size rows, Size c, Size last, double* sums, Function f) {
  for (Size begin = 0; begin < rows; begin += 64) {
    V sum[Vectors];
    for (V& s : sum) s = hn::Zero(F());
    for (Size r = begin; r < HWY_MIN(rows, begin + 64); ++r)
#pragma GCC unroll 4
      for (Size v = 0; v < Vectors; ++v) {
        const Size at = c + v * lanes, n = Vectors > 1 ? lanes : HWY_MIN(lanes, last - at);
        sum[v] = f(load_some(x.data + r * x.stride + at, n), at, n, sum[v]);
      }
    for (Size v = 0; v < Vectors; ++v) {
      HWY_ALIGN float part[16] = {};
      hn::Store(sum[v], F(), part);
      for (Size i = 0; i < HWY_MIN(lanes, last - c - v * lanes); ++i)
        sums[v * lanes + i] += static_cast<double>(part[i]);
    }
  }
}

template <class Function>
HWY_INLINE void channel_sums(ConstMap x, Size rows, Size first, Size last, double* sums, Function f) {
  for (Size i = 0; i < last - first; ++i) sums[i] = 0;
  Size c = first;
  for (; c + 4 * lanes <= last; c += 4 * lanes) channel_sums_of<4>(x, rows, c, last, sums + (c - first), f);
  for (; c < last; c += lanes) channel_sums_of<1>(x, rows, c, last, sums + (c - first), f);
}

constexpr Size most_channels_at_once = 4096;

void norm_statistics(ConstMap x, Size rows, Size first, Size last, Size size, const float* weight, const float* bias,
                     float epsilon, float* scale, float* shift) {
  double sums[most_channels_at_once];
  const Size step = HWY_MAX(size, most_channels_at_once / size * size);
  for (Size begin = first; begin < last; begin += step) {
    const Size end = HWY_MIN(last, begin + step);
    const double count = static_cast<double>(rows * size);
    channel_sums(x, rows, begin, end, sums, [](V v, Size, Size, V sum) HWY_ATTR { return hn::Add(sum, v); });
    for (Size c = begin; c < end; c += size) {
      double mean = 0;
      for (Size i = c; i < c + size; ++i) mean += sums[i - begin];
      for (Size i = c; i < c + size; ++i) shift[i] = static_cast<float>(mean / count);
    }
    channel_sums(x, rows, begin, end, sums, [&](V v, Size c, Size n, V sum) HWY_ATTR {
      const V centred = hn::Sub(v, load_some(shift + c, n));
      return hn::MulAdd(centred, centred, sum);
    });
    for (Size c = begin; c < end; c += size) {
      double variance = 0;
      for (Size i = c; i < c + size; ++i) variance += sums[i - begin];
      const double factor = 1 / std::sqrt(variance / count + static_cast<double>(epsilon));
      for (Size i = c; i < c + size; ++i) {
        const double mean = static_cast<double>(shift[i]);
        scale[i] = static_cast<float>(factor * static_cast<double>(weight[i]));
        shift[i] = static_cast<float>(static_cast<double>(bias[i]) - mean * factor * static_cast<double>(weight[i]));
      }
    }
  }
}

// Sums run in 16 lanes whatever the vector width, then lane by lane.
void softmax(float* x, Size rows, Size columns, Size stride, float scale) {
  constexpr Size parts = block / lanes;
  const F d;
  for (Size r = 0; r < rows; ++r) {
    float* row = x + r * stride;
    V largest = hn::Set(d, row[0]);
    for (Size c = 0; c + lanes <= columns; c += lanes) largest = hn::Max(largest, hn::LoadU(d, row + c));
    float most = hn::GetLane(hn::MaxOfLanes(d, largest));
    for (Size c = columns / lanes * lanes; c < columns; ++c) most = HWY_MAX(most, row[c]);
    V sums[parts];
    for (V& sum : sums) sum = hn::Zero(d);
    for (Size c = 0; c < columns; c += block)
      for (Size p = 0; p < parts; ++p) {
        const Size n = columns - c - p * lanes;
        if (n <= 0) break;
        float* at = row + c + p * lanes;
        V e = exponential(hn::Mul(hn::Sub(load_some(at, n), hn::Set(d, most)), hn::Set(d, scale)));
        if (n < lanes) e = hn::IfThenElseZero(hn::FirstN(d, static_cast<std::size_t>(n)), e);
        store_some(e, at, n);
        sums[p] = hn::Add(sums[p], e);
      }
    HWY_ALIGN float part[block] = {};
    for (Size p = 0; p < parts; ++p) hn::Store(sums[p], d, part + p * lanes);
    float total = 0;
    for (const float value : part) total += value;
    const V factor = hn::Set(d, 1 / total);
    for (Size c = 0; c < columns; c += lanes)
      store_some(hn::Mul(load_some(row + c, columns - c), factor), row + c, columns - c);
  }
}

}  // namespace scoresde::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace scoresde::simd {

HWY_EXPORT(scale_shift);
HWY_EXPORT(activate);
HWY_EXPORT(combine_rows);
HWY_EXPORT(add);
HWY_EXPORT(norm_statistics);
HWY_EXPORT(softmax);

void scale_shift(ConstMap x, Size rows, Size channels, const float* scale, const float* shift, bool silu, Map y) {
  HWY_DYNAMIC_DISPATCH(scale_shift)(x, rows, channels, scale, shift, silu, y);
}

void activate(Activation activation, float slope, ConstMap x, Size rows, Size channels, Map y) {
  HWY_DYNAMIC_DISPATCH(activate)(activation, slope, x, rows, channels, y);
}

void combine_rows(const float* const* rows, const float* weights, Size count, Size channels, float* y) {
  HWY_DYNAMIC_DISPATCH(combine_rows)(rows, weights, count, channels, y);
}

void add(ConstMap a, ConstMap b, Size rows, Size channels, float scale, Map y) {
  HWY_DYNAMIC_DISPATCH(add)(a, b, rows, channels, scale, y);
}

void norm_statistics(ConstMap x, Size rows, Size first, Size last, Size size, const float* weight, const float* bias,
                     float epsilon, float* scale, float* shift) {
  HWY_DYNAMIC_DISPATCH(norm_statistics)(x, rows, first, last, size, weight, bias, epsilon, scale, shift);
}

void softmax(float* x, Size rows, Size columns, Size stride, float scale) {
  HWY_DYNAMIC_DISPATCH(softmax)(x, rows, columns, stride, scale);
}

}  // namespace scoresde::simd
#endif
