#pragma once
#include "sde/sde.h"

namespace scoresde {

/// The times an SDE is used on: 0 < t_min <= t_end < t_max.
struct TimeRange {
  double t_min, t_max, t_end;
};

/// The range of `config` with the zeros replaced by `defaults`; t_end is never below t_min.
/// Error{usage} where it is none.
TimeRange time_range(const SdeConfig& config, const TimeRange& defaults);

/// beta(t) = beta_min + t (beta_max - beta_min) of vp and sub-vp. Error{usage} where it falls.
class LinearBeta {
 public:
  explicit LinearBeta(const SdeConfig& config);
  double operator()(double t) const { return first_ + t * slope_; }
  double integral(double s, double t) const { return (t - s) * (first_ + 0.5 * slope_ * (t + s)); }

 private:
  double first_, slope_;
};

/// What the members of the table share: they know their range.
class RangedSde : public Sde {
 public:
  explicit RangedSde(const TimeRange& range) : range_(range) {}
  double t_min() const override { return range_.t_min; }
  double t_max() const override { return range_.t_max; }
  double t_end() const override { return range_.t_end; }

 private:
  TimeRange range_;
};

}  // namespace scoresde
