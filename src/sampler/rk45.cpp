#include "ode/ode.h"
#include "sampler/solver.h"

namespace scoresde {
namespace {

/// The probability flow by Dormand-Prince 5(4), every sample with steps of its own.
class Rk45 : public Solver {
 public:
  explicit Rk45(const SolverOptions& options) : options_{.rtol = options.rtol, .atol = options.atol} {}

  Batch step(const ReverseProcess& p, const Batch& x, const Interval& i) override {
    const Velocity velocity = [&](const Batch& y, const Times& t, std::span<const Index>) {
      return flow_velocity(p.sde, p.score, y, t);
    };
    OdeResult result = integrate_rk45(velocity, x, i.t, i.s, options_);
    report_ = {std::move(result.evaluations), std::move(result.converged)};
    return std::move(result.x);
  }

  const AdaptiveReport* adaptive() const override { return &report_; }

 private:
  OdeOptions options_;
  AdaptiveReport report_;
};

}  // namespace

std::unique_ptr<Solver> make_rk45(const SolverOptions& options) { return std::make_unique<Rk45>(options); }

}  // namespace scoresde
