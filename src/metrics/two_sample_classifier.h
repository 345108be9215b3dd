#pragma once
#include <cstdint>
#include <functional>
#include <vector>

#include "metrics/metric.h"

namespace scoresde {

/// Rows with the law they came from: +1 the samples, -1 the reference.
struct LabelledRows {
  Batch x;
  Times label;
};

/// Learns on `train` and says for every row of `test` which law it takes it for: positive, the samples.
using TwoSampleClassifier =
    std::function<Times(const LabelledRows& train, const Batch& test, std::uint64_t seed, std::uint32_t fold)>;

/// The classifier two-sample test (Lopez-Paz & Oquab 2017): the accuracy on rows that were not learnt from, by 5-fold
/// cross-validation, both laws equally frequent in every fold. (Leaving out one row at a time would make its own law
/// the rarer one and put the accuracy of equal laws below 1/2.) The p-value is that of accuracy 1/2.
MetricValue classifier_two_sample_test(const TwoSamples& pair, const TwoSampleClassifier& classifier);

}  // namespace scoresde
