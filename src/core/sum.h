#pragma once
#include <cstddef>

#include "core/batch.h"

namespace scoresde {

/// Sum of n values in an order that n alone fixes (pairwise over blocks of 64). Eigen's own reductions change with the
/// alignment of the memory, so a row's sum would depend on which row it is.
double ordered_sum(const double* values, std::size_t n);

/// sum_j x_j y_j in the same fixed order.
double ordered_dot(const double* x, const double* y, std::size_t n);

/// Per-row sums, dot products, Euclidean norms and means; result i is a function of row i alone.
Times row_sum(const Batch& x);
Times row_dot(const Batch& x, const Batch& y);
Times row_norm(const Batch& x);
Times row_mean(const Batch& x);

/// Mean of all values in a fixed order.
double ordered_mean(const Times& values);

}  // namespace scoresde
