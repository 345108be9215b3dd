#pragma once
#include <span>
#include <vector>

#include "core/batch.h"
#include "sde/sde.h"

namespace scoresde {

/// The law N(mean, covariance) of data, its covariance kept by principal axes, so that the law at any time,
/// N(alpha mean, alpha^2 covariance + sigma^2 I), costs no factorisation.
class Gaussian {
 public:
  /// N(mean, variance I), variance >= 0.
  Gaussian(Eigen::ArrayXd mean, double variance);

  /// Any symmetric positive semidefinite covariance. Error{usage} for another.
  Gaussian(Eigen::ArrayXd mean, const Eigen::MatrixXd& covariance);

  Index dimension() const { return mean_.size(); }
  const Eigen::ArrayXd& mean() const { return mean_; }
  Eigen::MatrixXd covariance() const;

  // All at marginal m, for one x of dimension() values.
  double log_density(const double* x, const Marginal& m) const;
  void score(const double* x, const Marginal& m, double* out) const;

  /// (alpha^2 covariance + sigma^2 I)^-1 v.
  void precision_times(const double* v, const Marginal& m, double* out) const;

  /// The exact probability flow from marginal m to n: alpha_n mean + C_n^(1/2) C_m^(-1/2) (x - alpha_m mean).
  void flow(const double* x, const Marginal& m, const Marginal& n, double* out) const;

  /// mean + covariance^(1/2) z: a draw where z is one of N(0, I).
  void place(const double* z, double* out) const;

 private:
  double variance_at(Index axis, const Marginal& m) const;
  Eigen::ArrayXd centred(const double* x, const Marginal& m) const;
  Eigen::ArrayXd onto_axes(const Eigen::ArrayXd& v) const;
  Eigen::ArrayXd from_axes(const Eigen::ArrayXd& v) const;

  Eigen::ArrayXd mean_, variances_;  // variances along the axes
  Batch axes_;                       // a row an axis; empty when the covariance is a multiple of I
};

struct MixtureComponent {
  double weight;  ///< > 0; weights are scaled to sum to 1
  Gaussian law;
};

/// `rows` independent draws of the law of data. Row k is a function of (seed, k) alone (Purpose::posterior).
Batch draw_rows(std::span<const MixtureComponent> mixture, Index rows, std::uint64_t seed);

}  // namespace scoresde
