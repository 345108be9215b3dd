#pragma once
#include <cmath>
#include <string>
#include <vector>

#include "sampler/sample.h"
#include "score/analytic.h"

namespace scoresde {

/// For tests: data N(0.3, 0.5^2 I), for which every law and flow is known at all times, on the named SDE.
struct GaussianProblem {
  explicit GaussianProblem(std::string_view name, Index dimension = 1)
      : sde(make_sde(config(name))), score(*sde, Gaussian(Eigen::ArrayXd::Constant(dimension, mean), variance)) {}

  static constexpr double mean = 0.3, variance = 0.25;

  double mean_at(double t) const { return sde->marginal(t).alpha * mean; }
  double variance_at(double t) const {
    const Marginal m = sde->marginal(t);
    return m.alpha * m.alpha * variance + m.sigma * m.sigma;
  }

  static SdeConfig config(std::string_view name) {
    SdeConfig c;
    c.name = name;
    if (name == "table") {  // alpha = cos, sigma = sin, finely
      c.table = "t,alpha,sigma\n";
      for (int i = 0; i <= 300; ++i) {
        const double t = 1e-3 * std::pow(1.4e3, i / 300.0);
        c.table += fmt::format("{},{},{}\n", t, std::cos(t), std::sin(t));
      }
    }
    return c;
  }

  std::unique_ptr<Sde> sde;
  GaussianScore score;
};

/// Row k of the batch gets a 1 at the k-th draw of the run and 0 else; row 0 gets no noise. Where the solver is linear
/// in its noise, the variance it adds is the sum of squares of (row k - row 0): exact, without sampling.
class UnitImpulses : public NoiseSource {
 public:
  explicit UnitImpulses(Index rows) : rows_(rows) {}

  Batch normal(Purpose, const Interval&, std::uint32_t) const override {
    Batch z = Batch::Zero(rows_, 1);
    if (++draws_ < rows_) z(draws_, 0) = 1;
    return z;
  }
  Index draws() const { return draws_; }

 private:
  Index rows_;
  mutable Index draws_ = 0;
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
