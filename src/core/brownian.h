#pragma once
#include <cstdint>
#include <functional>
#include <span>

#include "core/noise.h"

namespace scoresde {

/// A Brownian motion for each row of a noise source, W = 0 at the clock's start, that can be asked anywhere in any
/// order: a virtual Brownian tree (Gaines & Lyons 1997; Li et al. 2020). The clock runs over [low, high], 0 < low <
/// high; a place on it is one of kPlaces + 1 points in equal ratios, so that paths over ten decades are resolved to
/// 1e-8 of the place everywhere. The value at a place is a chain of Brownian bridges whose normal numbers are addressed
/// by (Purpose::brownian; sample, node): a pure function of sample and place, never of what was asked before.
class BrownianTree {
 public:
  static constexpr int kDepth = 30;
  static constexpr std::uint32_t kPlaces = 1u << kDepth;

  /// Error{usage} unless 0 < low < high. Keeps a reference to `noise`.
  BrownianTree(const NoiseSource& noise, double low, double high);

  /// low (high / low)^(place / kPlaces).
  double clock(std::uint32_t place) const;

  /// The place nearest to a clock's reading; readings outside [low, high] give the ends.
  std::uint32_t place(double clock) const;

  /// W of one row at `place`; `out` as long as a row. At most kDepth + 1 draws of a row.
  void value(Index row, std::uint32_t place, std::span<double> out) const;

 private:
  const NoiseSource& noise_;
  double low_, high_, log_ratio_;
};

/// The noise of a step as the increment of a Brownian path over it, N(0, I) when divided by the root of the interval's
/// length on `clock`: solvers that draw once a step then follow one path whatever their steps are, and converge to one
/// solution as they shrink. `clock` is rising or falling in time; draws for other purposes are those of `noise`.
class BrownianNoise : public NoiseSource {
 public:
  BrownianNoise(const NoiseSource& noise, std::function<double(double)> clock, double start, double stop);

  /// Error{usage} for an interval shorter than the tree resolves.
  Batch normal(Purpose purpose, const Interval& interval, std::uint32_t draw = 0) const override;

 private:
  const NoiseSource& noise_;
  std::function<double(double)> clock_;
  BrownianTree tree_;
};

}  // namespace scoresde
