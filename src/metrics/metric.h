#pragma once
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>

#include "core/batch.h"

namespace scoresde {

/// A measured number with its standard error, and the p-value of "both laws are the same" where the method tests that.
struct MetricValue {
  double value = 0, error = 0;
  double p_value = std::numeric_limits<double>::quiet_NaN();
};

/// log p and log q at the rows of both samples, p the law of the samples, q that of the reference.
struct KnownDensities {
  Times p_at_samples, q_at_samples, p_at_reference, q_at_reference;
};

/// What a metric compares: two independent samples of the same size, rows x D, in the space where distances are meant
/// (standardised columns, pixels, features of a network).
struct TwoSamples {
  const Batch& samples;    ///< of the law p that is judged
  const Batch& reference;  ///< of the law q that it should be
  const KnownDensities* densities = nullptr;
  std::uint64_t seed = 0;  ///< of folds, directions, permutations and weights
};

class GroupedMoments;  // metrics/frechet.h

/// A row of the table of metrics. `measure` is a pure function of its argument. NaN stands for "cannot be told from
/// these samples".
struct MetricEntry {
  std::string_view name, summary;
  double ideal;             ///< what two samples of one law give in expectation
  std::string_view cost;    ///< of n rows of D values
  Index default_dimension;  ///< reported unasked up to this dimension
  bool takes_densities;     ///< exact log densities, where they are given, take the place of an estimate
  MetricValue (*measure)(const TwoSamples&);
  /// Where means and covariances are all it takes: then samples of any size may be streamed.
  MetricValue (*of_moments)(const GroupedMoments& samples, const GroupedMoments& reference) = nullptr;
};
std::span<const MetricEntry> metrics();

/// entry.measure(pair). Error{usage} for samples of different size or dimension, fewer than 40 rows, or values that
/// are not finite.
MetricValue measure(const MetricEntry& entry, const TwoSamples& pair);

}  // namespace scoresde
