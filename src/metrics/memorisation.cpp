#include "metrics/memorisation.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "metrics/estimate.h"
#include "metrics/pairwise.h"

namespace scoresde {
namespace {

using FloatRows = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
constexpr Index kBlockRows = 512;

// The two smallest so far; the candidate's exact distance is computed only where float32 cannot rule it out.
struct TwoSmallest {
  double first = INFINITY, second = INFINITY;
  Index index = -1;

  void offer(double squared, Index j) {
    if (squared < first)
      second = first, first = squared, index = j;
    else if (squared < second)
      second = squared;
  }
};

MetricValue nearer_share(const Times& samples, const Times& held_out) {
  std::vector<double> sorted(held_out.data(), held_out.data() + held_out.size());
  std::sort(sorted.begin(), sorted.end());
  const auto n = static_cast<double>(samples.size()), m = static_cast<double>(sorted.size());
  double wins = 0;
  for (const double d : samples) {
    const auto [low, high] = std::equal_range(sorted.begin(), sorted.end(), d);
    wins += static_cast<double>(sorted.end() - high) + 0.5 * static_cast<double>(high - low);
  }
  MetricValue share{wins / (n * m), std::sqrt((n + m + 1) / (12 * n * m))};
  share.p_value = 0.5 * std::erfc((share.value - 0.5) / share.error / std::sqrt(2.0));
  return share;
}

MetricValue authentic_share(const NearestTwo& rows, const Batch& training) {
  Batch hit(static_cast<Index>(rows.index.size()), training.cols());
  for (Index i = 0; i < hit.rows(); ++i) hit.row(i) = training.row(rows.index[static_cast<std::size_t>(i)]);
  const NearestTwo around = nearest_two(hit, training);  // the first is the item itself
  return mean_estimate((rows.first > around.second).cast<double>());
}

MetricValue copy_share(const NearestTwo& rows) { return mean_estimate((3 * rows.first < rows.second).cast<double>()); }

}  // namespace

NearestTwo nearest_two(const Batch& x, const Batch& among, bool itself) {
  const FloatRows left = x.matrix().cast<float>(), right = among.matrix().cast<float>();
  const Eigen::VectorXf norms = right.rowwise().squaredNorm();
  const Index n = x.rows();
  std::vector<TwoSmallest> found(static_cast<std::size_t>(n));
  for (Index j0 = 0; j0 < among.rows(); j0 += kBlockRows) {
    const Index width = std::min(kBlockRows, among.rows() - j0);
    for (Index i0 = 0; i0 < n; i0 += kBlockRows) {
      const Index height = std::min(kBlockRows, n - i0);
      const FloatRows products = left.middleRows(i0, height) * right.middleRows(j0, width).transpose();
      for (Index i = 0; i < height; ++i) {
        TwoSmallest& best = found[static_cast<std::size_t>(i0 + i)];
        const float own = left.row(i0 + i).squaredNorm();
        for (Index j = 0; j < width; ++j) {
          const float scale = own + norms[j0 + j], squared = scale - 2 * products(i, j);
          if ((itself && i0 + i == j0 + j) || squared - 1e-5f * scale > best.second) continue;
          best.offer(squared_distance(&x(i0 + i, 0), &among(j0 + j, 0), x.cols()), j0 + j);
        }
      }
    }
  }
  NearestTwo result{std::vector<Index>(static_cast<std::size_t>(n)), Times(n), Times(n)};
  for (Index i = 0; i < n; ++i) {
    const TwoSmallest& best = found[static_cast<std::size_t>(i)];
    result.index[static_cast<std::size_t>(i)] = best.index;
    result.first[i] = std::sqrt(best.first);
    result.second[i] = std::sqrt(best.second);
  }
  return result;
}

Memorisation memorisation(const Batch& samples, const Batch& held_out, const Batch& training) {
  for (const Batch* rows : {&samples, &held_out, &training})
    if (rows->rows() < 40 || rows->cols() != training.cols())
      fail(Failure::usage, "memorisation: {} x {} values; at least 40 rows of {} values are needed", rows->rows(),
           rows->cols(), training.cols());
  Memorisation report{.samples = nearest_two(samples, training), .held_out = nearest_two(held_out, training)};
  report.nearer = nearer_share(report.samples.first, report.held_out.first);
  report.authentic = authentic_share(report.samples, training);
  report.authentic_held_out = authentic_share(report.held_out, training);
  report.copies = copy_share(report.samples);
  report.copies_held_out = copy_share(report.held_out);
  return report;
}

}  // namespace scoresde
