#include "metrics/two_sample_classifier.h"

#include <algorithm>
#include <cmath>

#include "core/noise.h"
#include "metrics/estimate.h"
#include "metrics/pairwise.h"

namespace scoresde {
namespace {

constexpr std::uint32_t kFolds = 5;

// Rows of both samples whose fold is `fold`, or is not.
LabelledRows rows_of_fold(const TwoSamples& pair, std::uint32_t fold, bool inside) {
  const auto n = static_cast<std::uint32_t>(pair.samples.rows());
  std::vector<Index> picked[2];
  for (std::uint32_t law = 0; law < 2; ++law) {
    const auto order = permutation(pair.seed, Purpose::split, law, n);
    for (std::uint32_t i = 0; i < n; ++i)
      if ((std::uint64_t{i} * kFolds / n == fold) == inside) picked[law].push_back(order[i]);
  }
  const Index count = static_cast<Index>(picked[0].size());
  LabelledRows rows{Batch(2 * count, pair.samples.cols()), Times(2 * count)};
  rows.x.topRows(count) = pair.samples(picked[0], Eigen::all);
  rows.x.bottomRows(count) = pair.reference(picked[1], Eigen::all);
  rows.label.head(count) = 1;
  rows.label.tail(count) = -1;
  return rows;
}

// k nearest neighbours, k = floor(sqrt(rows)) as in Lopez-Paz & Oquab (2017), made odd: no ties.
Times vote_of_neighbours(const LabelledRows& train, const Batch& test, std::uint64_t, std::uint32_t) {
  const auto k = static_cast<std::ptrdiff_t>(std::sqrt(static_cast<double>(train.x.rows()))) | 1;
  Times votes(test.rows());
  std::vector<std::pair<double, double>> near(static_cast<std::size_t>(train.x.rows()));
  for (Index i = 0; i < test.rows(); ++i) {
    const Times distances = squared_distances(test, i, train.x);
    for (Index j = 0; j < distances.size(); ++j) near[static_cast<std::size_t>(j)] = {distances[j], train.label[j]};
    std::nth_element(near.begin(), near.begin() + k, near.end());
    votes[i] = 0;
    for (auto it = near.begin(); it != near.begin() + k; ++it) votes[i] += it->second;
  }
  return votes;
}

}  // namespace

MetricValue classifier_two_sample_test(const TwoSamples& pair, const TwoSampleClassifier& classifier) {
  Times correct(2 * pair.samples.rows());
  Index filled = 0;
  for (std::uint32_t fold = 0; fold < kFolds; ++fold) {
    const LabelledRows test = rows_of_fold(pair, fold, true);
    const Times said = classifier(rows_of_fold(pair, fold, false), test.x, pair.seed, fold);
    for (Index i = 0; i < said.size(); ++i) correct[filled++] = said[i] * test.label[i] > 0;
  }
  MetricValue estimate = mean_estimate(correct);
  const double z = (estimate.value - 0.5) * 2 * std::sqrt(static_cast<double>(correct.size()));
  estimate.p_value = 0.5 * std::erfc(z / std::sqrt(2.0));
  return estimate;
}

MetricValue measure_c2st_knn(const TwoSamples& pair) { return classifier_two_sample_test(pair, vote_of_neighbours); }

}  // namespace scoresde
