#include "metrics/pairwise.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/noise.h"
#include "core/sum.h"
#include "metrics/estimate.h"
#include "metrics/simd_distances.h"

namespace scoresde {
namespace {

constexpr std::uint32_t kPermutations = 999;

// Kernel sums over pairs of groups; groups 0 .. 19 are the samples', 20 .. 39 the reference's.
class GroupSums {
 public:
  GroupSums(const TwoSamples& pair, const PairKernel& kernel)
      : rows_(pair.samples.rows() / kMetricGroups), sums_(Batch::Zero(2 * kMetricGroups, 2 * kMetricGroups)) {
    const auto row = [&](Index i) {
      const Index half = rows_ * kMetricGroups;
      return i < half ? &pair.samples(i, 0) : &pair.reference(i - half, 0);
    };
    const Index d = pair.samples.cols();
    Times values(rows_);
    for (Index i = 0; i < sums_.rows() * rows_; ++i)
      for (Index group = 0; group <= i / rows_; ++group) {
        const Index first = group * rows_, count = std::min(rows_, i - first);
        for (Index j = 0; j < count; ++j) values[j] = kernel(row(i), row(first + j), d);
        sums_(i / rows_, group) += ordered_sum(values.data(), static_cast<std::size_t>(count));
      }
  }

  // The statistic with the groups of `left` against those of `right`.
  double statistic(const std::vector<std::uint32_t>& left, const std::vector<std::uint32_t>& right) const {
    return within(left) + within(right) - 2 * between(left, right);
  }

 private:
  double sum(std::uint32_t g, std::uint32_t h) const { return sums_(std::max(g, h), std::min(g, h)); }

  double within(const std::vector<std::uint32_t>& groups) const {
    double total = 0;
    for (std::size_t k = 0; k < groups.size(); ++k)
      for (std::size_t l = 0; l <= k; ++l) total += sum(groups[k], groups[l]);
    const double n = static_cast<double>(groups.size()) * static_cast<double>(rows_);
    return total / (0.5 * n * (n - 1));
  }

  double between(const std::vector<std::uint32_t>& left, const std::vector<std::uint32_t>& right) const {
    double total = 0;
    for (const std::uint32_t g : left)
      for (const std::uint32_t h : right) total += sum(g, h);
    const double rows = static_cast<double>(rows_);
    return total / (static_cast<double>(left.size()) * rows * static_cast<double>(right.size()) * rows);
  }

  Index rows_;  // of a group
  Batch sums_;  // lower triangle
};

}  // namespace

double squared_distance(const double* x, const double* y, Index d) {
  double sums[4] = {0, 0, 0, 0};  // four at a time: the additions of one sum wait for each other
  Index j = 0;
  for (; j + 4 <= d; j += 4)
    for (Index k = 0; k < 4; ++k) sums[k] += (x[j + k] - y[j + k]) * (x[j + k] - y[j + k]);
  for (; j < d; ++j) sums[0] += (x[j] - y[j]) * (x[j] - y[j]);
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

double dot_product(const double* x, const double* y, Index d) {
  double sums[4] = {0, 0, 0, 0};
  Index j = 0;
  for (; j + 4 <= d; j += 4)
    for (Index k = 0; k < 4; ++k) sums[k] += x[j + k] * y[j + k];
  for (; j < d; ++j) sums[0] += x[j] * y[j];
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

double median_squared_distance(const Batch& x) {
  const Index rows = std::min<Index>(x.rows(), 500);
  std::vector<double> values;
  for (Index i = 0; i < rows; ++i)
    for (Index j = 0; j < i; ++j) values.push_back(squared_distance(&x(i, 0), &x(j, 0), x.cols()));
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

Batch squared_distances(const Batch& x, Index first, Index count, const Batch& y) {
  Batch result(count, y.rows());
  const Index d = x.cols();
  const double* rows[4];
  double four[4];
  for (Index j = 0; j < y.rows(); ++j)
    for (Index i = 0; i < count; i += 4) {
      const Index wanted = std::min<Index>(4, count - i);
      for (Index k = 0; k < 4; ++k) rows[k] = &x(first + i + std::min(k, wanted - 1), 0);
      simd::four_squared_distances(rows, &y(j, 0), d, four);
      for (Index k = 0; k < wanted; ++k) result(i + k, j) = four[k];
    }
  return result;
}

Times squared_distances(const Batch& x, Index row, const Batch& y) {
  Times result(y.rows());
  const double* rows[4];
  double four[4];
  for (Index j = 0; j < y.rows(); j += 4) {
    const Index wanted = std::min<Index>(4, y.rows() - j);
    for (Index k = 0; k < 4; ++k) rows[k] = &y(j + std::min(k, wanted - 1), 0);
    simd::four_squared_distances(rows, &x(row, 0), x.cols(), four);
    std::copy_n(four, wanted, &result[j]);
  }
  return result;
}

MetricValue kernel_statistic(const TwoSamples& pair, const PairKernel& kernel) {
  const GroupSums sums(pair, kernel);
  const auto groups = [](std::uint32_t first, Index left_out) {
    std::vector<std::uint32_t> result;
    for (std::uint32_t g = 0; g < kMetricGroups; ++g)
      if (g != left_out) result.push_back(first + g);
    return result;
  };
  MetricValue estimate = jackknife([&](Index g) { return sums.statistic(groups(0, g), groups(kMetricGroups, g)); });
  std::uint32_t as_large = 0;
  for (std::uint32_t r = 0; r < kPermutations; ++r) {
    const auto order = permutation(pair.seed, Purpose::bootstrap, r, 2 * kMetricGroups);
    const auto middle = order.begin() + kMetricGroups;
    as_large += sums.statistic({order.begin(), middle}, {middle, order.end()}) >= estimate.value;
  }
  estimate.p_value = (1.0 + as_large) / (1.0 + kPermutations);
  return estimate;
}

}  // namespace scoresde
