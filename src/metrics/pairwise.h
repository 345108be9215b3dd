#pragma once
#include <functional>

#include "metrics/metric.h"

namespace scoresde {

/// |x - y|^2 of two rows of d values, summed in an order that d alone fixes.
double squared_distance(const double* x, const double* y, Index d);

/// The squared distances from row `row` of x to all rows of y.
Times squared_distances(const Batch& x, Index row, const Batch& y);

/// The same of the rows [first, first + count) of x, a row each: y is read once for all of them.
Batch squared_distances(const Batch& x, Index first, Index count, const Batch& y);

/// x . y of two rows of d values, in the same order.
double dot_product(const double* x, const double* y, Index d);

/// The median squared distance between rows: of at most 500, as a scale needs no more.
double median_squared_distance(const Batch& x);

/// k(x, y) of two rows of d values.
using PairKernel = std::function<double(const double* x, const double* y, Index d)>;

/// The unbiased two-sample statistic of a kernel, mean k(x, x') + mean k(y, y') - 2 mean k(x, y) over pairs of
/// different rows: MMD^2 (Gretton et al. 2012, eq. 3), and with k = -|x - y| the energy distance. Every pair is
/// evaluated once. Sums over pairs of 2 x 20 groups are kept, and the standard error (jackknife) and the p-value (999
/// permutations of whole groups: exact, since groups are as exchangeable as rows) are made of them. Rows beyond the
/// last whole group are left out.
MetricValue kernel_statistic(const TwoSamples& pair, const PairKernel& kernel);

}  // namespace scoresde
