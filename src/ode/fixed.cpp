#include <array>

#include "core/catalog.h"
#include "ode/ode.h"

namespace scoresde {

constexpr std::size_t most_rk_stages = 6;

/// Stage i stands at node i with the sum of its couplings to the stages before.
struct RungeKutta {
  std::size_t stages;
  std::array<double, most_rk_stages> nodes, weights;
  std::array<std::array<double, most_rk_stages>, most_rk_stages> couplings;
};

namespace {

constexpr RungeKutta classical_rk4 = {
    4, {0, 1. / 2, 1. / 2, 1}, {1. / 6, 1. / 3, 1. / 3, 1. / 6}, {{{}, {1. / 2}, {0, 1. / 2}, {0, 0, 1}}}};
constexpr RungeKutta dormand_prince_5 = {6,
                                         {0, 1. / 5, 3. / 10, 4. / 5, 8. / 9, 1},
                                         {35. / 384, 0, 500. / 1113, 125. / 192, -2187. / 6784, 11. / 84},
                                         {{{},
                                           {1. / 5},
                                           {3. / 40, 9. / 40},
                                           {44. / 45, -56. / 15, 32. / 9},
                                           {19372. / 6561, -25360. / 2187, 64448. / 6561, -212. / 729},
                                           {9017. / 3168, -355. / 33, 46732. / 5247, 49. / 176, -5103. / 18656}}}};

constexpr IntegratorEntry integrator_table[] = {
    {"rk45", "Dormand-Prince 5(4), each item with steps of its own", 5, nullptr},
    {"rk4", "the classical Runge-Kutta method, equal steps of log-SNR", 4, &classical_rk4},
    {"rk5", "Dormand-Prince's fifth order, equal steps of log-SNR", 5, &dormand_prince_5},
};

}  // namespace

std::span<const IntegratorEntry> integrators() { return integrator_table; }

int IntegratorEntry::evaluations(int steps) const { return fixed ? steps * static_cast<int>(fixed->stages) : 0; }

OdeResult integrate_fixed(std::string_view method, const Velocity& velocity, const Batch& x,
                          std::span<const double> nodes) {
  const IntegratorEntry& entry = find_entry("integrator", integrators(), method);
  if (!entry.fixed) fail(Failure::usage, "{} chooses its own steps and cannot follow given ones", method);
  if (nodes.size() < 2) fail(Failure::usage, "an integration needs at least two nodes, not {}", nodes.size());
  const RungeKutta& rk = *entry.fixed;
  std::vector<Index> rows(static_cast<std::size_t>(x.rows()));
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<Index>(i);

  OdeResult result{.x = x};
  for (std::size_t n = 0; n + 1 < nodes.size(); ++n) {
    const double h = nodes[n + 1] - nodes[n];
    std::array<Batch, most_rk_stages> k;
    Batch step = Batch::Zero(x.rows(), x.cols());
    for (std::size_t i = 0; i < rk.stages; ++i) {
      Batch at = result.x;
      for (std::size_t j = 0; j < i; ++j)
        if (rk.couplings[i][j] != 0) at += h * rk.couplings[i][j] * k[j];
      // To the bit at the end of a step: behind the last node the system may not be defined.
      const double node = rk.nodes[i] == 1 ? nodes[n + 1] : nodes[n] + rk.nodes[i] * h;
      k[i] = velocity(at, times_of(x.rows(), node), rows);
      step += h * rk.weights[i] * k[i];
    }
    result.x += step;
  }
  result.evaluations.assign(rows.size(), static_cast<std::uint32_t>((nodes.size() - 1) * rk.stages));
  result.rejected.assign(rows.size(), 0);
  for (Index i = 0; i < x.rows(); ++i) result.converged.push_back(result.x.row(i).isFinite().all());
  return result;
}

}  // namespace scoresde
