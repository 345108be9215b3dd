#pragma once
#include <cstdint>

// Adam's arithmetic on plain memory, on the widest vectors that this CPU has. Only + - * / and sqrt of single elements,
// uncontracted: the same bits at any vector width.
namespace scoresde {

/// The numbers of one update: g' = factor g + joined p, m = beta1 m + rest1 g', v = beta2 v + rest2 g'^2,
/// p = shrink p - rate m / (sqrt(v) root_scale + epsilon), ema = p + decay (ema - p).
template <class Real>
struct AdamNumbers {
  Real factor, joined, beta1, rest1, beta2, rest2, shrink, rate, root_scale, epsilon, decay;
};

/// Equally long pieces of memory that do not overlap.
template <class Real>
struct AdamMemory {
  const Real* gradient;
  Real *parameter, *first_moment, *second_moment, *average;
};

void adam_update(const AdamNumbers<float>& numbers, const AdamMemory<float>& memory, std::int64_t n);
void adam_update(const AdamNumbers<double>& numbers, const AdamMemory<double>& memory, std::int64_t n);

/// Sum of x[j]^2 in double: 16 running sums, element j in sum j modulo 16, then added in pairs.
double square_sum(const float* x, std::int64_t n);
double square_sum(const double* x, std::int64_t n);

}  // namespace scoresde
