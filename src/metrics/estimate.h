#pragma once
#include <functional>

#include "metrics/metric.h"

namespace scoresde {

/// Rows fall into this many groups of neighbours in their order; errors come from leaving each group out.
inline constexpr Index kMetricGroups = 20;

/// The group of row i of n.
inline Index group_of(Index i, Index n) { return i * kMetricGroups / n; }

/// The mean of independent values with its standard error.
MetricValue mean_estimate(const Times& values);

/// value = of(-1), its standard error by leaving groups out: of(g) is the statistic without the rows of group g of
/// both samples (delete-a-group jackknife: Shao & Tu 1995, section 2.2.2). At equal laws, where a distance is near its
/// minimum, the error is too large by up to a factor of 1.4.
MetricValue jackknife(const std::function<double(Index left_out)>& of);

}  // namespace scoresde
