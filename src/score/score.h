#pragma once
#include <span>
#include <vector>

#include "core/batch.h"
#include "sde/sde.h"

namespace scoresde {

/// A score and some J^T v of the same points.
struct ScoreAndVjps {
  Batch score;
  std::vector<Batch> vjps;
};

/// The score grad_x log p_t(x): a network, a closed form, the engine, a guided posterior.
/// Row i of a result is a function of row i of the arguments alone: no number depends on batch-mates.
class Score {
 public:
  virtual ~Score() = default;

  /// x: rows x D; t: a time a row. Result: rows x D.
  virtual Batch operator()(const Batch& x, const Times& t) const = 0;

  /// J^T v with J = d score / d x, row by row. Error{usage} where a score has no derivative.
  virtual Batch vjp(const Batch& x, const Times& t, const Batch& v) const;

  /// The score and J^T v for each of `v`: networks spend one forward pass on both. By default one call each.
  virtual ScoreAndVjps with_vjps(const Batch& x, const Times& t, std::span<const Batch> v) const;

  /// log p_t(x) of every row; of an energy model up to a constant of t. Error{usage} where a score has no density.
  virtual Times log_density(const Batch& x, const Times& t) const;

  /// The number of values of a sample.
  virtual Index dimension() const = 0;
};

/// Counts evaluations row by row: the NFE of a sample. vjp and log_density count as one,
/// with_vjps as one and one a vjp.
class CountingScore : public Score {
 public:
  explicit CountingScore(const Score& score) : score_(score) {}
  Batch operator()(const Batch& x, const Times& t) const override;
  Batch vjp(const Batch& x, const Times& t, const Batch& v) const override;
  ScoreAndVjps with_vjps(const Batch& x, const Times& t, std::span<const Batch> v) const override;
  Times log_density(const Batch& x, const Times& t) const override;
  Index dimension() const override { return score_.dimension(); }
  std::uint64_t rows_evaluated() const { return rows_; }

 private:
  const Score& score_;
  mutable std::uint64_t rows_ = 0;
};

/// Tweedie: E[x_0 | x_t] = (x + sigma^2 score) / alpha (Robbins 1956; Efron 2011).
Batch denoise(const Sde& sde, const Score& score, const Batch& x, const Times& t);

/// Velocity of the probability-flow ODE, f x - g^2 score / 2 (Song et al. 2021, eq. 13).
Batch flow_velocity(const Sde& sde, const Score& score, const Batch& x, const Times& t);

/// Drift of the reverse process with the same marginals for any eta >= 0:
/// dx = [f x - (1 + eta^2)/2 g^2 score] dt + eta g dw, dt < 0. eta = 1: Anderson's reverse SDE (Song et al. 2021,
/// eq. 6); eta = 0: the probability flow.
Batch reverse_drift(const Sde& sde, const Score& score, const Batch& x, const Times& t, double eta);

}  // namespace scoresde
