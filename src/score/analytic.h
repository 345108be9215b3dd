#pragma once
#include <span>
#include <vector>

#include "score/score.h"

namespace scoresde {

// Scores known exactly, with the densities they belong to: for tests, reports, and data small enough to need no
// network. Differentiable: vjp is exact too. Sums run in a fixed order, so row i is a function of row i alone.

/// The law N(mean, covariance) of data, its covariance kept by principal axes, so that the law at any time,
/// N(alpha mean, alpha^2 covariance + sigma^2 I), costs no factorisation.
class Gaussian {
 public:
  /// N(mean, variance I), variance >= 0.
  Gaussian(Eigen::ArrayXd mean, double variance);

  /// Any symmetric positive semidefinite covariance. Error{usage} for another.
  Gaussian(Eigen::ArrayXd mean, const Eigen::MatrixXd& covariance);

  Index dimension() const { return mean_.size(); }

  // All at marginal m, for one x of dimension() values.
  double log_density(const double* x, const Marginal& m) const;
  void score(const double* x, const Marginal& m, double* out) const;

  /// (alpha^2 covariance + sigma^2 I)^-1 v.
  void precision_times(const double* v, const Marginal& m, double* out) const;

  /// The exact probability flow from marginal m to n: alpha_n mean + C_n^(1/2) C_m^(-1/2) (x - alpha_m mean).
  void flow(const double* x, const Marginal& m, const Marginal& n, double* out) const;

 private:
  double variance_at(Index axis, const Marginal& m) const;
  Eigen::ArrayXd centred(const double* x, const Marginal& m) const;
  Eigen::ArrayXd onto_axes(const Eigen::ArrayXd& v) const;
  Eigen::ArrayXd from_axes(const Eigen::ArrayXd& v) const;

  Eigen::ArrayXd mean_, variances_;  // variances along the axes
  Batch axes_;                       // a row an axis; empty when the covariance is a multiple of I
};

/// Data from one Gaussian: everything is linear.
class GaussianScore : public Score {
 public:
  GaussianScore(const Sde& sde, Gaussian law) : sde_(sde), law_(std::move(law)) {}

  Batch operator()(const Batch& x, const Times& t) const override;
  Batch vjp(const Batch& x, const Times& t, const Batch& v) const override;
  Times log_density(const Batch& x, const Times& t) const override;
  Index dimension() const override { return law_.dimension(); }

  /// The exact solution at time s of the probability flow through x at time t, in either direction.
  Batch flow(const Batch& x, double t, double s) const;

 private:
  const Sde& sde_;
  Gaussian law_;
};

struct MixtureComponent {
  double weight;  ///< > 0; weights are scaled to sum to 1
  Gaussian law;
};

/// Data from a mixture of Gaussians: score = sum_k r_k(x) score_k(x), r the responsibilities at time t.
class MixtureScore : public Score {
 public:
  /// Error{usage} where there is no component, a weight is not above 0, or dimensions differ.
  MixtureScore(const Sde& sde, std::vector<MixtureComponent> components);

  Batch operator()(const Batch& x, const Times& t) const override;
  Batch vjp(const Batch& x, const Times& t, const Batch& v) const override;
  Times log_density(const Batch& x, const Times& t) const override;
  Index dimension() const override { return components_.front().law.dimension(); }

 private:
  const Sde& sde_;
  std::vector<MixtureComponent> components_;
};

/// The law of a finite data set itself, equal weights on its rows: what a model with no generalisation learns. Costs
/// data rows x D for every row asked.
class EmpiricalScore : public Score {
 public:
  /// data: at least one row.
  EmpiricalScore(const Sde& sde, Batch data);

  Batch operator()(const Batch& x, const Times& t) const override;
  Batch vjp(const Batch& x, const Times& t, const Batch& v) const override;
  Times log_density(const Batch& x, const Times& t) const override;
  Index dimension() const override { return data_.cols(); }

 private:
  const Sde& sde_;
  Batch data_;
};

}  // namespace scoresde
