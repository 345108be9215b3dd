#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/batch.h"

namespace scoresde {

/// Right-hand side of dx/dt = v(x, t) for some rows of a batch; `rows` says which rows of the original batch they are,
/// for systems that hold something a row (a class, a probe).
using Velocity = std::function<Batch(const Batch& x, const Times& t, std::span<const Index> rows)>;

struct OdeOptions {
  double rtol = 1e-5, atol = 1e-5;
  double first_step = 0;             ///< 0: chosen as Hairer, Norsett, Wanner I, II.4 do
  std::uint32_t most_steps = 10000;  ///< attempted steps a row
  bool one_system = false;           ///< one error norm and one step size for the whole batch, as scipy on a flattened
                                     ///< batch: for comparison with the reference only
};

/// How the integration of each row ended.
struct OdeResult {
  Batch x;
  std::vector<std::uint32_t> evaluations;  ///< of the velocity, a row
  std::vector<std::uint32_t> rejected;     ///< steps that were tried and repeated smaller, a row
  std::vector<bool> converged;             ///< false: most_steps was reached, or the step size fell under 10 ulp of t
};

/// Dormand-Prince 5(4) with local extrapolation and FSAL from `t` to `s` (either direction), step size controlled for
/// each row by its own error; finished rows are no longer evaluated.
/// Same error norm, safety factors and first step as scipy's RK45.
OdeResult integrate_rk45(const Velocity& velocity, const Batch& x, double t, double s, const OdeOptions& options);

struct RungeKutta;

/// A row of the table of integrators.
struct IntegratorEntry {
  std::string_view name, summary;
  double order;             ///< global
  const RungeKutta* fixed;  ///< for integrate_fixed(); null: it chooses its own steps, integrate_rk45()

  int evaluations(int steps) const;  ///< of the velocity, where steps are fixed
};
std::span<const IntegratorEntry> integrators();

/// The explicit Runge-Kutta method `method` over the given nodes (monotone, either direction), the same for all rows.
/// `converged` is false for rows that are not finite at the end. Error{usage} for an unknown or adaptive method, or
/// fewer than two nodes.
OdeResult integrate_fixed(std::string_view method, const Velocity& velocity, const Batch& x,
                          std::span<const double> nodes);

}  // namespace scoresde
