#include "metrics/divergence.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>
#include <vector>

#include "core/sum.h"
#include "metrics/estimate.h"
#include "metrics/pairwise.h"

namespace scoresde {
namespace {

constexpr int kNeighbours = 5;

/// The rows nearest to a point, with what is needed to leave groups out: enough of them that a k-th remains unless a
/// group crowds there, and all of them then.
class NearestRows {
 public:
  NearestRows(const Batch& from, Index row, const Batch& to, bool itself) {
    const Times distances = squared_distances(from, row, to);
    for (Index j = 0; j < to.rows(); ++j)
      if (!itself || j != row) rows_.emplace_back(distances[j], group_of(j, to.rows()));
    sort_first(std::min<std::size_t>(rows_.size(), 8 * kNeighbours));
  }

  /// The squared distance of the k-th outside of group `left_out`, k from 1.
  double at(int k, Index left_out) {
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      if (i == sorted_) sort_first(rows_.size());
      if (rows_[i].second != left_out && --k == 0) return rows_[i].first;
    }
    return std::nan("");
  }

 private:
  void sort_first(std::size_t count) {
    const auto end = rows_.begin() + static_cast<std::ptrdiff_t>(count);
    std::partial_sort(rows_.begin(), end, rows_.end());
    sorted_ = count;
  }

  std::vector<std::pair<double, Index>> rows_;
  std::size_t sorted_ = 0;
};

// The k-th smallest of both together: of the i-th of one and the (k - i)-th of the other, the least that covers k.
double pooled_distance(NearestRows& own, NearestRows& other, Index left_out) {
  double best = std::min(own.at(kNeighbours, left_out), other.at(kNeighbours, left_out));
  for (int i = 1; i < kNeighbours; ++i)
    best = std::min(best, std::max(own.at(i, left_out), other.at(kNeighbours - i, left_out)));
  return best;
}

using NeighbourTerm = double (*)(NearestRows& own, NearestRows& other, Index left_out, double dimension, double rows);

double kl_term(NearestRows& own, NearestRows& other, Index left_out, double dimension, double rows) {
  return 0.5 * dimension * std::log(other.at(kNeighbours, left_out) / own.at(kNeighbours, left_out)) +
         std::log(rows / (rows - 1));
}

double js_term(NearestRows& own, NearestRows& other, Index left_out, double dimension, double rows) {
  return 0.5 * dimension * std::log(pooled_distance(own, other, left_out) / own.at(kNeighbours, left_out)) +
         std::log((2 * rows - 1) / (rows - 1));
}

// Mean of a term over the rows of x, for every group left out; the last entry is that of all rows.
Times neighbour_means(const Batch& x, const Batch& y, NeighbourTerm term) {
  Times sums = Times::Zero(kMetricGroups + 1), counts = Times::Zero(kMetricGroups + 1);
  for (Index i = 0; i < x.rows(); ++i)
    for (Index g = 0; g <= kMetricGroups; ++g) counts[g] += group_of(i, x.rows()) != g;
  for (Index i = 0; i < x.rows(); ++i) {
    NearestRows own(x, i, x, true), other(x, i, y, false);
    for (Index g = 0; g <= kMetricGroups; ++g)
      if (group_of(i, x.rows()) != g) sums[g] += term(own, other, g, static_cast<double>(x.cols()), counts[g]);
  }
  return sums / counts;
}

MetricValue jackknife_of_means(const Times& means) {
  if (!means.isFinite().all()) return {std::nan(""), std::nan("")};
  return jackknife([&](Index g) { return means[g < 0 ? kMetricGroups : g]; });
}

double log_half_sum(double a, double b) {
  return std::max(a, b) + std::log1p(std::exp(-std::abs(a - b))) - std::numbers::ln2;
}

Times log_mixture(const Times& log_p, const Times& log_q) {
  Times result(log_p.size());
  for (Index i = 0; i < result.size(); ++i) result[i] = log_half_sum(log_p[i], log_q[i]);
  return result;
}

}  // namespace

MetricValue kl_from_densities(const Times& log_p, const Times& log_q) { return mean_estimate(log_p - log_q); }

MetricValue js_from_densities(const KnownDensities& at) {
  const MetricValue p = mean_estimate(at.p_at_samples - log_mixture(at.p_at_samples, at.q_at_samples));
  const MetricValue q = mean_estimate(at.q_at_reference - log_mixture(at.p_at_reference, at.q_at_reference));
  return {0.5 * (p.value + q.value), 0.5 * std::hypot(p.error, q.error)};
}

MetricValue kl_from_neighbours(const Batch& x, const Batch& y) {
  return jackknife_of_means(neighbour_means(x, y, kl_term));
}

MetricValue js_from_neighbours(const Batch& x, const Batch& y) {
  return jackknife_of_means(0.5 * (neighbour_means(x, y, js_term) + neighbour_means(y, x, js_term)));
}

MetricValue measure_kl(const TwoSamples& pair) {
  return pair.densities ? kl_from_densities(pair.densities->q_at_reference, pair.densities->p_at_reference)
                        : kl_from_neighbours(pair.reference, pair.samples);
}

MetricValue measure_reverse_kl(const TwoSamples& pair) {
  return pair.densities ? kl_from_densities(pair.densities->p_at_samples, pair.densities->q_at_samples)
                        : kl_from_neighbours(pair.samples, pair.reference);
}

MetricValue measure_js(const TwoSamples& pair) {
  return pair.densities ? js_from_densities(*pair.densities) : js_from_neighbours(pair.samples, pair.reference);
}

}  // namespace scoresde
