#include <gtest/gtest.h>

#include <numbers>

#include "sampler/test_problem.h"

namespace scoresde {
namespace {

/// One step of each method with a formula of its own, against that formula written out for scalars, on data
/// N(mean, variance): laws and orders of convergence do not see a step size that is too small.
class OneStep : public testing::TestWithParam<std::string> {
 protected:
  static constexpr Index kRows = 3, kColumns = 4;
  const GaussianProblem problem_{GetParam(), kColumns};
  const CounterNoise noise_{5, {0, 1, 2}, kColumns};
  const double low_ = problem_.sde->t_end(), range_ = problem_.sde->t_max() - low_;
  const Interval interval_{low_ + 0.5 * range_, low_ + 0.4 * range_, 3};
  const Marginal from_ = problem_.sde->marginal(interval_.t), to_ = problem_.sde->marginal(interval_.s);
  const Batch x_ = [this] {  // a row at the mean, where Langevin steps are cut, and two further and further from it
    Batch x(kRows, kColumns);
    for (Index i = 0; i < x.size(); ++i)
      x.data()[i] = problem_.mean_at(interval_.s) + std::sqrt(problem_.variance_at(interval_.s)) *
                                                        std::pow(10.0, static_cast<double>(i / kColumns - 1)) *
                                                        (0.3 + static_cast<double>(i % 3));
    return x;
  }();

  Batch step(std::string_view name, const SolverOptions& options, std::size_t times = 5) const {
    const auto solver = make_solver(name, options);
    solver->begin(std::vector<double>(times));
    return solver->step({*problem_.sde, problem_.score, noise_}, x_, interval_);
  }

  double score(double x, const Marginal& m) const {
    return (m.alpha * GaussianProblem::mean - x) / (m.alpha * m.alpha * GaussianProblem::variance + m.sigma * m.sigma);
  }

  static void expect_same(const Batch& ours, const Batch& formula) {
    EXPECT_LE(((ours - formula) / (1 + formula.abs())).abs().maxCoeff(), 1e-12) << ours << "\n\n" << formula;
  }
};

INSTANTIATE_TEST_SUITE_P(Sampler, OneStep, testing::Values("ve", "vp", "sub-vp", "edm"),
                         [](const auto& info) { return info.param == "sub-vp" ? "sub_vp" : info.param; });

TEST_P(OneStep, IsTheFormulaOfAnnealedLangevin) {
  const double r = 0.2, eps = 2 * std::pow(from_.alpha / to_.alpha, 2) * std::pow(r * to_.sigma, 2);
  Batch expected = x_;
  for (std::uint32_t k = 0; k < 2; ++k) {
    const Batch z = noise_.normal(Purpose::corrector, interval_, k);
    for (Index j = 0; j < x_.size(); ++j)
      expected.data()[j] += eps * score(expected.data()[j], to_) + std::sqrt(2 * eps) * z.data()[j];
  }
  expect_same(step("annealed-langevin", {.snr = r, .corrector_steps = 2}), expected);
}

TEST_P(OneStep, IsTheFormulaOfLangevin) {
  const double r = 0.2, alpha = std::pow(from_.alpha / to_.alpha, 2);
  const double most = 2 * alpha * r * r * (to_.alpha * to_.alpha + to_.sigma * to_.sigma);
  Batch expected = x_;
  int cut = 0;
  for (std::uint32_t k = 0; k < 2; ++k) {
    const Batch z = noise_.normal(Purpose::corrector, interval_, k);
    for (Index i = 0; i < kRows; ++i) {
      double squares = 0;
      for (Index j = 0; j < kColumns; ++j) squares += std::pow(score(expected(i, j), to_), 2);
      double eps = 2 * alpha * std::pow(r * std::sqrt(kColumns) / std::sqrt(squares), 2);
      if (eps > most) {
        eps = most;
        ++cut;
      }
      for (Index j = 0; j < kColumns; ++j)
        expected(i, j) += eps * score(expected(i, j), to_) + std::sqrt(2 * eps) * z(i, j);
    }
  }
  EXPECT_GT(cut, 0);
  EXPECT_LT(cut, 2 * kRows) << "some rows must take the uncut step";
  expect_same(step("langevin", {.snr = r, .corrector_steps = 2}), expected);
}

/// Karras et al. (2022), algorithm 2, lines 4 to 11.
TEST_P(OneStep, IsTheFormulaOfChurn) {
  const double rho = from_.sigma / from_.alpha, rho_s = to_.sigma / to_.alpha;
  const auto karras = [&](double gamma, double s_noise) {
    const double rho_hat = rho * (1 + gamma);
    const auto slope = [](double y, double at) {
      const double variance = GaussianProblem::variance;
      return (y - (variance * y + at * at * GaussianProblem::mean) / (variance + at * at)) / at;
    };
    const Batch z = noise_.normal(Purpose::churn, interval_);
    Batch result(kRows, kColumns);
    for (Index j = 0; j < x_.size(); ++j) {
      const double y = x_.data()[j] / from_.alpha + s_noise * std::sqrt(rho_hat * rho_hat - rho * rho) * z.data()[j];
      const double d = slope(y, rho_hat), euler = y + (rho_s - rho_hat) * d;
      result.data()[j] = to_.alpha * (y + (rho_s - rho_hat) * 0.5 * (d + slope(euler, rho_s)));
    }
    return result;
  };
  expect_same(step("edm-heun", {}), karras(0, 1));
  expect_same(step("edm-heun", {.churn = 0.5}), karras(0.1, 1));
  expect_same(step("edm-heun", {.churn = 0.5, .churn_noise = 1.25}), karras(0.1, 1.25));
  expect_same(step("edm-heun", {.churn = 100}), karras(std::numbers::sqrt2 - 1, 1));
  expect_same(step("edm-heun", {.churn = 0.5, .churn_min = 0.9 * rho, .churn_max = 1.1 * rho}), karras(0.1, 1));
  expect_same(step("edm-heun", {.churn = 0.5, .churn_min = 1.1 * rho}), karras(0, 1));
  expect_same(step("edm-heun", {.churn = 0.5, .churn_max = 0.9 * rho}), karras(0, 1));
}

}  // namespace
}  // namespace scoresde
