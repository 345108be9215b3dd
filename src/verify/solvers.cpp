#include <cmath>

#include "sampler/sample.h"
#include "verify/check.h"
#include "verify/solver_error.h"

namespace scoresde {
namespace {

bool has_order(const SolverEntry& entry) { return entry.order > 0 && !entry.adaptive && !entry.corrector; }

// A check for every SDE; a table of numbers is only once differentiable at its knots and has no order.
void add_row(CheckTable& table, const SolverEntry& solver, double low, double high, const std::string& declared,
             bool with_table = false) {
  for (const SdeEntry& sde : sdes())
    if (with_table || sde.name != "table")
      table.checks.push_back({std::string(solver.name), std::string(sde.name), 0, low, high, declared});
}

constexpr double kOrderSlack = 0.35;

CheckTable gaussian_orders(const VerifyOptions& options) {
  CheckTable table{
      "Order on a Gaussian",
      "Slope of the error of the law at t_end: stochastic solvers by their exact mean and variance (unit "
      "impulses in place of noise), the others by the flow through five points. Passes from 0.35 below what "
      "is declared; above it the leading error happens to vanish.",
      "solver",
      {}};
  for (const SolverEntry& solver : solvers())
    if (has_order(solver)) add_row(table, solver, solver.order - kOrderSlack, 100, fmt::format("{:g}", solver.order));
  run_checks(table.checks, options, [&](Check& check) {
    const auto sde = verification_sde(check.column);
    const SolverChoice choice(check.row, {});
    const auto error = [&](int steps) {
      return choice.stochastic() ? exact_law_error(*sde, choice, steps)
                                 : exact_flow_error(*sde, verification_gaussian(), choice, steps);
    };
    check.measured = measured_order(error, choice.stochastic() ? 100 : 50, options.full ? 3 : 2).order;
  });
  return table;
}

CheckTable mixture_orders(const VerifyOptions& options) {
  CheckTable table{"Order on a mixture, solvers without noise",
                   "Slope of the largest error of the flow through five points, whose exact ends are quantiles.",
                   "solver",
                   {}};
  for (const SolverEntry& solver : solvers())
    if (has_order(solver) && !solver.stochastic)
      add_row(table, solver, solver.order - kOrderSlack, 100, fmt::format("{:g}", solver.order));
  run_checks(table.checks, options, [&](Check& check) {
    const auto sde = verification_sde(check.column);
    const SolverChoice choice(check.row, {});
    const auto error = [&](int steps) { return exact_flow_error(*sde, verification_mixture(), choice, steps); };
    check.measured = measured_order(error, 100, options.full ? 4 : 3).order;
  });
  return table;
}

CheckTable adaptive_errors(const VerifyOptions& options) {
  CheckTable table{"Adaptive solvers without noise",
                   "Largest error of the flow on the mixture in units of the tolerance, 1e-6; below 100.",
                   "solver",
                   {}};
  for (const SolverEntry& solver : solvers())
    if (solver.adaptive && !solver.stochastic) add_row(table, solver, 0, 100, "");
  run_checks(table.checks, options, [&](Check& check) {
    const SolverChoice choice(check.row, {.rtol = 1e-6, .atol = 1e-6});
    check.measured = exact_flow_error(*verification_sde(check.column), verification_mixture(), choice, 1) / 1e-6;
  });
  return table;
}

// Carries draws of the law of t_max to t_end and compares them with its law there.
CheckTable mixture_laws(const VerifyOptions& options) {
  const Index rows = options.full ? 20000 : 2000;
  const int steps = options.full ? 1000 : 200;
  CheckTable table{"Distribution on a mixture",
                   fmt::format("Kolmogorov-Smirnov distance times the root of n of n = {} samples after {} steps from "
                               "the exact law at t_max; correctors follow `reverse-diffusion`. Of exact samples one in "
                               "40,000 is above 2.37; passes below {}.",
                               rows, steps, options.full ? 4 : 3),
                   "solver",
                   {}};
  for (const SolverEntry& solver : solvers())
    if (solver.name != "none" && keeps_laws_on_the_line(solver))
      add_row(table, solver, 0, options.full ? 4 : 3, "", true);
  run_checks(table.checks, options, [&](Check& check) {
    const auto sde = verification_sde(check.column);
    const auto data = verification_mixture();
    const MixtureScore score(*sde, data);
    SolverChoice choice(check.row, {});
    if (choice.corrector()) choice = SolverChoice("reverse-diffusion+" + check.row, {});
    std::vector<std::uint64_t> ids(static_cast<std::size_t>(rows));
    for (std::size_t k = 0; k < ids.size(); ++k) ids[k] = k;
    const CounterNoise noise(1, ids, 1);
    const Samples samples = sample({*sde, score, noise}, *choice.make(), draw_at(*sde, data, sde->t_max(), rows, 1),
                                   choice.times(*sde, steps), {.denoise = false, .progress = {}});
    check.measured = LineLaw(*sde, data, sde->t_end()).kolmogorov(samples.x);
  });
  return table;
}

}  // namespace

std::vector<CheckTable> verify_solvers(const VerifyOptions& options) {
  return {gaussian_orders(options), mixture_orders(options), adaptive_errors(options), mixture_laws(options)};
}

}  // namespace scoresde
