#include "metrics/simd_distances.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "metrics/simd_distances.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace scoresde::simd::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::CappedTag<double, 4>;
constexpr std::ptrdiff_t lanes = HWY_MIN(HWY_MAX_BYTES, 32) / sizeof(double), vectors = 4 / lanes;

// Four distances side by side: the additions of one of them wait for each other. Products are rounded before they are
// added, as in squared_distance().
void four_squared_distances(const double* const* x, const double* y, std::ptrdiff_t d, double* out) {
  const D tag;
  hn::Vec<D> sum[4][vectors];
  for (auto& distance : sum)
    for (auto& part : distance) part = hn::Zero(tag);
  std::ptrdiff_t j = 0;
  for (; j + 4 <= d; j += 4)
#pragma GCC unroll 2
    for (std::ptrdiff_t v = 0; v < vectors; ++v) {
      const auto here = hn::LoadU(tag, y + j + v * lanes);
#pragma GCC unroll 4
      for (int i = 0; i < 4; ++i) {
        const auto difference = hn::Sub(hn::LoadU(tag, x[i] + j + v * lanes), here);
        sum[i][v] = hn::Add(sum[i][v], hn::Mul(difference, difference));
      }
    }
  for (int i = 0; i < 4; ++i) {
    HWY_ALIGN double sums[4];
    for (std::ptrdiff_t v = 0; v < vectors; ++v) hn::Store(sum[i][v], tag, sums + v * lanes);
    for (std::ptrdiff_t k = j; k < d; ++k) sums[0] += (x[i][k] - y[k]) * (x[i][k] - y[k]);
    out[i] = (sums[0] + sums[1]) + (sums[2] + sums[3]);
  }
}

}  // namespace scoresde::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace scoresde::simd {

HWY_EXPORT(four_squared_distances);

void four_squared_distances(const double* const* x, const double* y, std::ptrdiff_t d, double* out) {
  HWY_DYNAMIC_DISPATCH(four_squared_distances)(x, y, d, out);
}

}  // namespace scoresde::simd
#endif
