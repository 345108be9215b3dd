#pragma once
#include <cmath>
#include <string>
#include <vector>

#include "sampler/sample.h"
#include "score/analytic.h"
#include "verify/solver_error.h"

namespace scoresde {

/// For tests: data N(0.3, 0.5^2 I), for which every law and flow is known at all times, on the named SDE.
struct GaussianProblem {
  explicit GaussianProblem(std::string_view name, Index dimension = 1)
      : sde(verification_sde(name)), score(*sde, Gaussian(Eigen::ArrayXd::Constant(dimension, mean), variance)) {}

  static constexpr double mean = 0.3, variance = 0.25;

  double mean_at(double t) const { return sde->marginal(t).alpha * mean; }
  double variance_at(double t) const {
    const Marginal m = sde->marginal(t);
    return m.alpha * m.alpha * variance + m.sigma * m.sigma;
  }

  std::unique_ptr<Sde> sde;
  GaussianScore score;
};

/// Every solver of the table and some pairs.
inline std::vector<std::string> solver_names() {
  std::vector<std::string> names;
  for (const SolverEntry& entry : solvers()) names.emplace_back(entry.name);
  for (const char* pair : {"reverse-diffusion+langevin", "ancestral+annealed-langevin", "dpm++2m+langevin"})
    names.emplace_back(pair);
  return names;
}

inline std::vector<std::string> sde_names() {
  std::vector<std::string> names;
  for (const SdeEntry& entry : sdes()) names.emplace_back(entry.name);
  return names;
}

}  // namespace scoresde
