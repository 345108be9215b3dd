#pragma once
#include <vector>

#include "metrics/metric.h"

namespace scoresde {

/// For every row the nearest two rows of another set.
struct NearestTwo {
  std::vector<Index> index;  ///< of the nearest
  Times first, second;       ///< Euclidean distances
};
/// `itself`: row i of `x` is row i of `among` and is passed over. Distances are found in float32 by blocks and the two
/// nearest measured again in double.
NearestTwo nearest_two(const Batch& x, const Batch& among, bool itself = false);

/// Whether samples repeat the training set, judged by data that were not trained on.
struct Memorisation {
  NearestTwo samples, held_out;
  /// How often a sample is nearer to the training set than a held-out item is: 1/2 where samples are as new as fresh
  /// data, 1 where they are copies (the Mann-Whitney statistic of Meehan et al. 2020, over one cell); p-value of 1/2.
  MetricValue nearer;
  /// Share of samples that lie farther from their nearest training item than that one lies from its own nearest (Alaa
  /// et al. 2022), and the same of the held-out items.
  MetricValue authentic, authentic_held_out;
  /// Share of samples less than 1/3 as far from the nearest training item as from the second (Yoon et al. 2023).
  MetricValue copies, copies_held_out;
};
/// Error{usage} for fewer than 40 rows of any set, or sets of different dimension.
Memorisation memorisation(const Batch& samples, const Batch& held_out, const Batch& training);

}  // namespace scoresde
