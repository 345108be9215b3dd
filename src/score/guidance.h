#pragma once
#include "score/score.h"

namespace scoresde {

/// Classifier-free guidance (Ho & Salimans 2022): u + weight (c - u) with c the score conditioned on a class and u the
/// unconditional one of the same network. weight 1 is c, 0 is u, above 1 overstates the class. It
/// counts as one evaluation, of two network passes, as the help of --guidance says. The two scores must outlive this
/// one.
class GuidedScore : public Score {
 public:
  GuidedScore(const Score& conditional, const Score& unconditional, double weight)
      : conditional_(conditional), unconditional_(unconditional), weight_(weight) {}

  Batch operator()(const Batch& x, const Times& t) const override {
    const Batch u = unconditional_(x, t);
    return u + weight_ * (conditional_(x, t) - u);
  }

  Batch vjp(const Batch& x, const Times& t, const Batch& v) const override {
    return weight_ * conditional_.vjp(x, t, v) + (1 - weight_) * unconditional_.vjp(x, t, v);
  }

  Index dimension() const override { return conditional_.dimension(); }

 private:
  const Score& conditional_;
  const Score& unconditional_;
  double weight_;
};

}  // namespace scoresde
