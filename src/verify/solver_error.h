#pragma once
#include "sampler/sample.h"
#include "verify/line_law.h"

namespace scoresde {

/// Row k of the batch gets a 1 at the k-th draw of the run and 0 else; row 0 gets no noise. Where the solver is linear
/// in its noise, the variance it adds is the sum of squares of (row k - row 0): exact, without sampling.
class ImpulseNoise : public NoiseSource {
 public:
  explicit ImpulseNoise(Index rows) : rows_(rows) {}

  Batch normal(Purpose, const Interval&, std::uint32_t) const override;
  Index draws() const { return draws_; }

 private:
  Index rows_;
  mutable Index draws_ = 0;
};

/// On the Gaussian data of verification, for a solver that is linear in its noise: error of mean and variance at t_end
/// relative to the exact law, the run started in the exact law of t_max.
double exact_law_error(const Sde& sde, const SolverChoice& choice, int steps);

/// For a solver without noise: the largest error of the flow through points across the law of t_max, in standard
/// deviations of the law at t_end.
double exact_flow_error(const Sde& sde, const std::vector<MixtureComponent>& data, const SolverChoice& choice,
                        int steps);

/// False for `langevin`, whose step follows the size of the score at x itself: with few dimensions its limit is another
/// law (docs/math.md), so it is held to its law in 64.
bool keeps_laws_on_the_line(const SolverEntry& solver);

/// The order with which `error` falls from one number of steps to its double, at the finest pair that is clear of
/// rounding, and the error there.
struct MeasuredOrder {
  double order, error;
};
MeasuredOrder measured_order(const std::function<double(int steps)>& error, int first_steps, int doublings);

}  // namespace scoresde
