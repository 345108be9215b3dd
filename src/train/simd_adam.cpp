#include <cmath>

#include "train/adam_kernel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "train/simd_adam.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace scoresde::HWY_NAMESPACE {

// Plain loops: the compiler's vectors of them are as wide as the target's.
template <class Real>
void update(const AdamNumbers<Real> s, const AdamMemory<Real>& memory, std::int64_t n) {
  const Real* __restrict g = memory.gradient;
  Real *__restrict p = memory.parameter, *__restrict m = memory.first_moment, *__restrict v = memory.second_moment,
      *__restrict ema = memory.average;
  for (std::int64_t j = 0; j < n; ++j) {
    const Real gradient = s.factor * g[j] + s.joined * p[j];
    const Real first = s.beta1 * m[j] + s.rest1 * gradient;
    const Real second = s.beta2 * v[j] + s.rest2 * gradient * gradient;
    const Real next = s.shrink * p[j] - s.rate * first / (std::sqrt(second) * s.root_scale + s.epsilon);
    m[j] = first;
    v[j] = second;
    p[j] = next;
    ema[j] = next + s.decay * (ema[j] - next);
  }
}

template <class Real>
double sum_of_squares(const Real* x, std::int64_t n) {
  constexpr std::int64_t width = 16;
  double sums[width] = {};
  for (; n >= width; n -= width, x += width)
    for (std::int64_t k = 0; k < width; ++k) sums[k] += static_cast<double>(x[k]) * static_cast<double>(x[k]);
  for (std::int64_t k = 0; k < n; ++k) sums[k] += static_cast<double>(x[k]) * static_cast<double>(x[k]);
  for (std::int64_t half = width / 2; half > 0; half /= 2)
    for (std::int64_t k = 0; k < half; ++k) sums[k] += sums[k + half];
  return sums[0];
}

void update_floats(const AdamNumbers<float>& s, const AdamMemory<float>& memory, std::int64_t n) {
  update(s, memory, n);
}
void update_doubles(const AdamNumbers<double>& s, const AdamMemory<double>& memory, std::int64_t n) {
  update(s, memory, n);
}
double squares_of_floats(const float* x, std::int64_t n) { return sum_of_squares(x, n); }
double squares_of_doubles(const double* x, std::int64_t n) { return sum_of_squares(x, n); }

}  // namespace scoresde::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace scoresde {

HWY_EXPORT(update_floats);
HWY_EXPORT(update_doubles);
HWY_EXPORT(squares_of_floats);
HWY_EXPORT(squares_of_doubles);

void adam_update(const AdamNumbers<float>& numbers, const AdamMemory<float>& memory, std::int64_t n) {
  HWY_DYNAMIC_DISPATCH(update_floats)(numbers, memory, n);
}

void adam_update(const AdamNumbers<double>& numbers, const AdamMemory<double>& memory, std::int64_t n) {
  HWY_DYNAMIC_DISPATCH(update_doubles)(numbers, memory, n);
}

double square_sum(const float* x, std::int64_t n) { return HWY_DYNAMIC_DISPATCH(squares_of_floats)(x, n); }
double square_sum(const double* x, std::int64_t n) { return HWY_DYNAMIC_DISPATCH(squares_of_doubles)(x, n); }

}  // namespace scoresde
#endif
