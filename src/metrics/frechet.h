#pragma once
#include <vector>

#include "metrics/metric.h"

namespace scoresde {

/// Count, mean and covariance of rows that come a batch at a time, in double: the sums are kept about the running mean
/// (Chan, Golub & LeVeque 1983), so nothing cancels.
class Moments {
 public:
  explicit Moments(Index dimension);

  /// Of numbers that somebody else has gathered: a statistics file. `covariance` is the unbiased one.
  Moments(Index count, Eigen::VectorXd mean, const Eigen::MatrixXd& covariance);

  void add(const Batch& rows);
  void add(const Moments& other);

  Index count() const { return count_; }
  Index dimension() const { return mean_.size(); }
  const Eigen::VectorXd& mean() const { return mean_; }
  Eigen::MatrixXd covariance() const { return scatter_ / static_cast<double>(count_ - 1); }

 private:
  Index count_ = 0;
  Eigen::VectorXd mean_;
  Eigen::MatrixXd scatter_;  // sum of (x - mean)(x - mean)^T
};

/// Squared Wasserstein-2 distance of two Gaussians, |m1 - m2|^2 + tr(S1 + S2 - 2 (S1^(1/2) S2 S1^(1/2))^(1/2)) (Dowson
/// & Landau 1982; Heusel et al. 2017, eq. 6). With S1 = C C^T the last trace is the sum of the roots of the eigenvalues
/// of C^T S2 C, which are real and not negative: no square root of a matrix that may come out complex.
double frechet_distance(const Moments& a, const Moments& b);

/// The moments of each of kMetricGroups groups of a sample of known size.
class GroupedMoments {
 public:
  GroupedMoments(Index dimension, Index rows);
  explicit GroupedMoments(const Batch& all);

  /// The next rows, in their order.
  void add(const Batch& rows);

  /// Of all groups but `left_out` from `first` up to, not including, `end`.
  Moments sum(Index first, Index end, Index left_out) const;
  Moments total() const;

  Index rows() const { return rows_; }

 private:
  Index rows_, filled_ = 0;
  std::vector<Moments> groups_;
};

/// The distance without each group in turn, of both samples; the last value is that of all.
Times frechet_distances(const GroupedMoments& a, const GroupedMoments& b);

/// The same extrapolated to samples without end (Chong & Forsyth 2020): the distance falls by nearly c / n as n grows,
/// so a line in 1 / n through the distances of wholes, halves and quarters is followed to 1 / n = 0.
Times frechet_limits(const GroupedMoments& a, const GroupedMoments& b);

/// Against moments that are exact or those of a statistics file.
Times frechet_distances(const GroupedMoments& a, const Moments& b);

}  // namespace scoresde
