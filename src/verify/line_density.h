#pragma once
#include <vector>

#include "verify/fokker_planck.h"
#include "verify/line_law.h"

namespace scoresde {

/// Mixture data under an SDE, its density carried by the equation of one of the processes that must share it: between
/// the time at which sigma = alpha / 5 and that at which sigma = alpha.
class LineDensity {
 public:
  LineDensity(std::string_view sde, Index cells);

  /// The exact means over the cells at time t.
  Times exact(double t) const;

  /// The density at the noisy end after the forward SDE has run from the exact one at the clean end.
  Times forward() const;

  /// The densities that the reverse process of eta (0: the probability flow) passes, from the exact one at the noisy
  /// end: at each of the falling `times`.
  std::vector<Times> reverse(double eta, const std::vector<double>& times) const;

  /// The sum of |p - q| over the cells, 0 to 2.
  double distance(const Times& p, const Times& q) const;

  double clean() const { return clean_; }
  double noisy() const { return noisy_; }
  const LineCells& cells() const { return cells_; }
  /// A time at which -log-SNR has gone a share of the way from the clean end to the noisy one.
  double time_at(double share) const;

 private:
  std::vector<double> times_between(double t, double s) const;

  std::unique_ptr<Sde> sde_;
  MixtureScore score_;
  LineCells cells_;
  double clean_, noisy_;
};

}  // namespace scoresde
