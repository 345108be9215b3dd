#include "core/sum.h"

#include <cmath>

#include "core/error.h"

namespace scoresde {
namespace {

// Pairwise summation of term(i), i in [first, last): error O(log n) eps, order fixed by the range alone.
template <class Term>
double pairwise(const Term& term, std::size_t first, std::size_t last) {
  if (last - first <= 64) {
    double total = 0;
    for (std::size_t i = first; i < last; ++i) total += term(i);
    return total;
  }
  const std::size_t middle = first + (last - first) / 2;
  return pairwise(term, first, middle) + pairwise(term, middle, last);
}

template <class RowFunction>
Times per_row(const Batch& x, const RowFunction& function) {
  Times result(x.rows());
  for (Index i = 0; i < x.rows(); ++i) result[i] = function(i);
  return result;
}

}  // namespace

double ordered_sum(const double* values, std::size_t n) {
  return pairwise([&](std::size_t i) { return values[i]; }, 0, n);
}

double ordered_dot(const double* x, const double* y, std::size_t n) {
  return pairwise([&](std::size_t i) { return x[i] * y[i]; }, 0, n);
}

Times row_sum(const Batch& x) {
  return per_row(x, [&](Index i) { return ordered_sum(x.data() + i * x.cols(), static_cast<std::size_t>(x.cols())); });
}

Times row_dot(const Batch& x, const Batch& y) {
  if (x.rows() != y.rows() || x.cols() != y.cols())
    fail(Failure::run, "row_dot: {} x {} against {} x {}", x.rows(), x.cols(), y.rows(), y.cols());
  return per_row(x, [&](Index i) {
    return ordered_dot(x.data() + i * x.cols(), y.data() + i * y.cols(), static_cast<std::size_t>(x.cols()));
  });
}

Times row_norm(const Batch& x) { return row_dot(x, x).sqrt(); }

Times row_mean(const Batch& x) { return row_sum(x) / static_cast<double>(x.cols()); }

double ordered_mean(const Times& values) {
  return ordered_sum(values.data(), static_cast<std::size_t>(values.size())) / static_cast<double>(values.size());
}

}  // namespace scoresde
