#pragma once
#include <vector>

#include "score/gaussian.h"
#include "score/score.h"

namespace scoresde {

// Scores known exactly, with the densities they belong to: for tests, reports, and data small enough to need no
// network. Differentiable: vjp is exact too. Sums run in a fixed order, so row i is a function of row i alone.

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

/// Data from a mixture of Gaussians: score = sum_k r_k(x) score_k(x), r the responsibilities at time t.
class MixtureScore : public Score {
 public:
  /// Error{usage} where there is no component, a weight is not above 0, or dimensions differ.
  MixtureScore(const Sde& sde, std::vector<MixtureComponent> components);

  Batch operator()(const Batch& x, const Times& t) const override;
  Batch vjp(const Batch& x, const Times& t, const Batch& v) const override;
  Times log_density(const Batch& x, const Times& t) const override;
  Index dimension() const override { return components_.front().law.dimension(); }
  std::span<const MixtureComponent> components() const { return components_; }

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
