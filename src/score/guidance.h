#pragma once
#include <functional>
#include <limits>

#include "score/score.h"

namespace scoresde {

/// The noise levels sigma/alpha at which guidance acts, both ends included. A middle interval gives better pictures
/// than all levels, at less cost (Kynkaanniemi et al. 2024).
struct GuidanceInterval {
  double low = 0, high = std::numeric_limits<double>::infinity();

  bool contains(const Marginal& m) const { return m.sigma >= low * m.alpha && m.sigma <= high * m.alpha; }
};

/// u + weight (c - u) where guidance acts, c elsewhere. Of c, the score conditioned on a class, and u, the
/// unconditional one, it is classifier-free guidance (Ho & Salimans 2022); of c, a good model, and u, a worse one of
/// the same data, it is autoguidance (Karras et al. 2024). weight 1 is c, 0 is u, above 1 overstates what tells c from
/// u. It counts as one evaluation, of two network passes where guidance acts, as the help of --guidance says. The
/// scores and the SDE must outlive this one.
class GuidedScore : public Score {
 public:
  GuidedScore(const Score& conditional, const Score& unconditional, double weight)
      : conditional_(conditional), unconditional_(unconditional), weight_(weight) {}
  GuidedScore(const Score& conditional, const Score& unconditional, double weight, const Sde& sde,
              GuidanceInterval interval)
      : conditional_(conditional), unconditional_(unconditional), weight_(weight), sde_(&sde), interval_(interval) {}

  Batch operator()(const Batch& x, const Times& t) const override;
  Batch vjp(const Batch& x, const Times& t, const Batch& v) const override;
  Index dimension() const override { return conditional_.dimension(); }

 private:
  using Evaluate = std::function<Batch(const Score&, const std::vector<Index>& rows)>;
  Batch mixed(const Times& t, const Evaluate& evaluate) const;

  const Score& conditional_;
  const Score& unconditional_;
  double weight_;
  const Sde* sde_ = nullptr;  // null: it acts everywhere
  GuidanceInterval interval_;
};

/// score + weight grad log p(class | x_t) where guidance acts (Song et al. 2021, eq. 14; Dhariwal & Nichol 2021). The
/// gradient counts as no evaluation of the score. The score and the SDE must outlive this one.
class ClassifierGuidedScore : public Score {
 public:
  /// grad log p(class | x, t), rows x D.
  using Gradient = std::function<Batch(const Batch& x, const Times& t)>;

  ClassifierGuidedScore(const Score& score, Gradient gradient, double weight, const Sde& sde,
                        GuidanceInterval interval = {})
      : score_(score), gradient_(std::move(gradient)), weight_(weight), sde_(sde), interval_(interval) {}

  Batch operator()(const Batch& x, const Times& t) const override;
  Index dimension() const override { return score_.dimension(); }

 private:
  const Score& score_;
  Gradient gradient_;
  double weight_;
  const Sde& sde_;
  GuidanceInterval interval_;
};

}  // namespace scoresde
