// Included once for each target, after <hwy/highway.h>: what the simd_*.cpp files share.
#if defined(SCORESDE_SIMD_INLINE) == defined(HWY_TARGET_TOGGLE)
#ifdef SCORESDE_SIMD_INLINE
#undef SCORESDE_SIMD_INLINE
#else
#define SCORESDE_SIMD_INLINE
#endif

#include "engine/simd.h"

HWY_BEFORE_NAMESPACE();
namespace scoresde::simd::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using F = hn::CappedTag<float, 16>;
using V = hn::Vec<F>;
constexpr Size lanes = static_cast<Size>(HWY_MIN(HWY_MAX_BYTES, 64) / sizeof(float));

HWY_INLINE V load_some(const float* p, Size n) {
  const F d;
  return n >= lanes ? hn::LoadU(d, p) : hn::MaskedLoad(hn::FirstN(d, static_cast<std::size_t>(n)), d, p);
}

HWY_INLINE void store_some(V v, float* p, Size n) {
  const F d;
  if (n >= lanes)
    hn::StoreU(v, d, p);
  else
    hn::BlendedStore(v, hn::FirstN(d, static_cast<std::size_t>(n)), d, p);
}

HWY_INLINE V number(double x) { return hn::Set(F(), static_cast<float>(x)); }

/// y at the n columns from `column` on of row `row`.
HWY_INLINE void finish_and_store(V sum, const Finish& finish, Map y, Size row, Size column, Size n) {
  if (finish.bias) sum = hn::Add(sum, load_some(finish.bias + column, n));
  if (finish.more_bias) sum = hn::Add(sum, load_some(finish.more_bias + column, n));
  if (finish.residual.data)
    sum = hn::Add(sum, load_some(finish.residual.data + row * finish.residual.stride + column, n));
  if (finish.scale != 1) sum = hn::Mul(sum, hn::Set(F(), finish.scale));
  store_some(sum, y.data + row * y.stride + column, n);
}

/// exp(x) to 1.2 ulp on [-87, 88], clamped outside. x = n ln 2 + r, |r| <= ln(2) / 2, and Taylor's polynomial of degree
/// 7 in r (its first missing term is below 6e-9). Adding 1.5 * 2^23 rounds to the integer n, and leaves it in the
/// lowest bits, from where it is added to the polynomial's exponent: there are no conversions, of which most time went.
HWY_INLINE V exponential(V x) {
  const F d;
  const hn::Rebind<std::int32_t, F> di;
  x = hn::Min(hn::Max(x, number(-87.0)), number(88.0));
  const V shifted = hn::Add(hn::Mul(x, number(1.4426950408889634)), number(12582912.0));
  const V n = hn::Sub(shifted, number(12582912.0));
  V r = hn::NegMulAdd(n, number(0.693145751953125), x);  // the upper bits of ln 2: n times them is exact
  r = hn::NegMulAdd(n, number(1.42860682030941723e-6), r);
  V p = number(1.0 / 5040);
  for (const double c : {1.0 / 720, 1.0 / 120, 1.0 / 24, 1.0 / 6, 0.5, 1.0, 1.0}) p = hn::MulAdd(p, r, number(c));
  return hn::BitCast(d, hn::Add(hn::BitCast(di, p), hn::ShiftLeft<23>(hn::BitCast(di, shifted))));
}

HWY_INLINE V silu_of(V x) { return hn::Div(x, hn::Add(number(1), exponential(hn::Neg(x)))); }

}  // namespace scoresde::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
