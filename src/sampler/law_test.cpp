#include <gtest/gtest.h>

#include <algorithm>
#include <numbers>
#include <numeric>

#include "core/brownian.h"
#include "sampler/test_problem.h"

namespace scoresde {
namespace {

std::vector<std::uint64_t> path_ids(Index count) {
  std::vector<std::uint64_t> result(static_cast<std::size_t>(count));
  std::iota(result.begin(), result.end(), 0u);
  return result;
}

/// Data 0.3 N(-1, 0.2^2) + 0.7 N(0.8, 0.3^2), whose law is known at all times.
struct MixtureProblem {
  explicit MixtureProblem(std::string_view name)
      : sde(verification_sde(name)),
        score(*sde, {{weight, Gaussian(Eigen::ArrayXd::Constant(1, -1), 0.04)},
                     {1 - weight, Gaussian(Eigen::ArrayXd::Constant(1, 0.8), 0.09)}}) {}

  static constexpr double weight = 0.3;

  double distribution(double x, double t) const {
    const Marginal m = sde->marginal(t);
    const auto part = [&](double mean, double variance) {
      return 0.5 * std::erfc((m.alpha * mean - x) / std::sqrt(2 * (m.alpha * m.alpha * variance + m.sigma * m.sigma)));
    };
    return weight * part(-1, 0.04) + (1 - weight) * part(0.8, 0.09);
  }

  /// Independent rows of the law at time t.
  Batch draw(Index rows, double t) const {
    const Marginal m = sde->marginal(t);
    Batch x(rows, 1);
    for (Index row = 0; row < rows; ++row) {
      double z[2];
      const NoiseAddress address{.seed = 31, .purpose = Purpose::test, .sample = static_cast<std::uint64_t>(row)};
      fill_normal(address, z);
      const bool first = uniform({.seed = 32, .purpose = Purpose::test, .sample = address.sample}) < weight;
      x(row, 0) = m.alpha * (first ? -1 + 0.2 * z[0] : 0.8 + 0.3 * z[0]) + m.sigma * z[1];
    }
    return x;
  }

  /// Kolmogorov's distance of the rows to the law at time t, times the root of their number.
  double distance(const Batch& x, double t) const {
    std::vector<double> sorted(x.data(), x.data() + x.size());
    std::sort(sorted.begin(), sorted.end());
    double worst = 0;
    const auto n = static_cast<double>(sorted.size());
    for (std::size_t k = 0; k < sorted.size(); ++k) {
      const double exact = distribution(sorted[k], t);
      worst = std::max(
          {worst, std::abs(exact - static_cast<double>(k) / n), std::abs(exact - static_cast<double>(k + 1) / n)});
    }
    return worst * std::sqrt(n);
  }

  std::unique_ptr<Sde> sde;
  MixtureScore score;
};

// P(distance > 2.4) = 2 exp(-2 2.4^2) = 2e-5 for exact samples; a standard deviation of Kolmogorov's law is 0.26.
constexpr double kKolmogorov = 2.4;

class Mixture : public testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Sampler, Mixture, testing::ValuesIn(sde_names()), [](const auto& info) {
  std::string name = info.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

TEST_P(Mixture, EverySolverDrawsItsLaw) {
  const MixtureProblem problem(GetParam());
  constexpr Index rows = 600;
  const double start = problem.sde->t_max(), end = problem.sde->t_end();
  const Batch x = problem.draw(rows, start);
  const CounterNoise noise(7, path_ids(rows), 1);
  EXPECT_LT(problem.distance(x, start), kKolmogorov);
  for (std::string name : solver_names()) {
    const SolverChoice plain(name, {});
    // Its step depends on |score| and so biases the law of a single number; LangevinKeepsTheLaw has 64.
    if (plain.corrector() && plain.corrector()->name == "langevin") continue;
    if (plain.predictor().name == "none") {
      if (!plain.corrector()) continue;
      name = "ancestral+" + name;
    }
    const SolverChoice choice(name, {});
    const auto solver = choice.make();
    const Samples samples = sample({*problem.sde, problem.score, noise}, *solver, x, choice.times(*problem.sde, 80),
                                   {.denoise = false, .progress = {}});
    // Eighty steps of a method of first order are not exact: as many as 0.03 of the law may be misplaced.
    EXPECT_LT(problem.distance(samples.x, end),
              kKolmogorov + (choice.predictor().order < 2 ? 0.03 * std::sqrt(rows) : 0))
        << name;
  }
}

/// A chain at one level: equal times for a corrector alone.
Samples chain_at(const Sde& sde, const Score& score, std::string_view name, const SolverOptions& options,
                 const Batch& x, double t, std::size_t steps) {
  const CounterNoise noise(9, path_ids(x.rows()), x.cols());
  const std::vector<double> times(steps + 1, t);
  return sample({sde, score, noise}, *make_solver(name, options), x, times, {.denoise = false, .progress = {}});
}

TEST(Langevin, MalaIsExactWhereUlaIsBiased) {
  // N(., P) in 4 dimensions, 2000 rows: relative standard error of the variance sqrt(2 / 8000) = 0.0158.
  const GaussianProblem problem("vp", 4);
  const double t = 0.3, variance = problem.variance_at(t), sigma = problem.sde->marginal(t).sigma;
  const Batch x = Batch::Constant(2000, 4, problem.mean_at(t));
  const auto measured = [&](const Samples& samples) {
    return (samples.x - problem.mean_at(t)).square().mean() / variance;
  };
  const SolverOptions options{.langevin_step = 0.8};
  const double eps = 0.8 * sigma * sigma, biased = 1 / (1 - eps / (2 * variance));
  EXPECT_GT(biased, 1.4);
  EXPECT_NEAR(measured(chain_at(*problem.sde, problem.score, "ula", options, x, t, 40)), biased, 5 * 0.0158 * biased);
  const Samples line = chain_at(*problem.sde, problem.score, "mala", options, x, t, 60);
  EXPECT_NEAR(measured(line), 1, 5 * 0.0158);
  EXPECT_EQ(line.acceptance.size(), 2000);
  EXPECT_GT(line.acceptance.mean(), 0.5);
  EXPECT_LT(line.acceptance.mean(), 0.95);

  SolverOptions density = options;
  density.acceptance = "density";
  const Samples by_density = chain_at(*problem.sde, problem.score, "mala", density, x, t, 60);
  EXPECT_LT((by_density.x - line.x).abs().maxCoeff(), 1e-9) << "Simpson's rule is exact for a linear score";
}

TEST(Langevin, MalaDrawsAMixtureFromEitherLogDensityOrLine) {
  const MixtureProblem problem("ve");
  const double t = problem.sde->time_at(-std::log(0.6));  // sigma 0.6: two modes that a chain crosses
  const Batch x = Batch::Constant(1500, 1, 0.8);
  for (const char* acceptance : {"line", "density"}) {
    const Samples samples = chain_at(*problem.sde, problem.score, "mala",
                                     {.langevin_step = 1.2, .corrector_steps = 40, .acceptance = acceptance}, x, t, 3);
    EXPECT_LT(problem.distance(samples.x, t), kKolmogorov) << acceptance;
    EXPECT_EQ(samples.evaluations[0], 3u * (acceptance == std::string("line") ? 81 : 82));
  }
  const Samples ula =
      chain_at(*problem.sde, problem.score, "ula", {.langevin_step = 1.2, .corrector_steps = 120}, x, t, 1);
  EXPECT_GT(problem.distance(ula.x, t), kKolmogorov) << "the step is large enough for ULA's bias to show";
}

TEST(Restart, ContractsTheErrorOfACoarseFlow) {
  const GaussianProblem problem("edm", 1);
  const auto error = [&](int restarts) {
    const SolverChoice choice("restart",
                              {.restarts = restarts, .restart_steps = 12, .restart_min = 0.02, .restart_max = 2});
    const Index rows = restarts + 2;
    const ImpulseNoise noise(rows);
    Batch x = Batch::Constant(rows, 1, problem.mean_at(80));
    x(rows - 1, 0) += std::sqrt(problem.variance_at(80));
    const auto solver = choice.make();
    const Samples samples = sample({*problem.sde, problem.score, noise}, *solver, x, choice.times(*problem.sde, 7),
                                   {.denoise = false, .progress = {}});
    double variance = 0;
    for (Index row = 1; row < rows; ++row) variance += std::pow(samples.x(row, 0) - samples.x(0, 0), 2);
    return std::abs(variance / problem.variance_at(problem.sde->t_end()) - 1);
  };
  EXPECT_LT(error(4), 0.5 * error(0));
}

/// Samples of one fixed set of Brownian paths, on the clock in which the reverse SDE has additive noise.
class OnePath : public testing::TestWithParam<std::string> {
 protected:
  static constexpr Index kPaths = 32;

  Batch adaptive(double tolerance) const {
    const SolverChoice choice("adaptive-sde", {.tolerance = tolerance});
    const auto solver = choice.make();
    const Samples samples = sample({*problem_.sde, problem_.score, noise_}, *solver, start_,
                                   choice.times(*problem_.sde, 1), {.denoise = false, .progress = {}});
    EXPECT_TRUE(samples.failures.empty());
    evaluations_ = samples.evaluations;
    return samples.x;
  }

  Batch fixed(std::string_view name, int steps) const {
    const double start = problem_.sde->t_max(), end = problem_.sde->t_end();
    const BrownianNoise path(
        noise_, [&](double t) { return std::exp(2 * problem_.sde->log_snr(t)); }, start, end);
    const SolverChoice choice(name, {});
    const auto solver = choice.make();
    return sample({*problem_.sde, problem_.score, path}, *solver, start_, choice.times(*problem_.sde, steps, "log-snr"),
                  {.denoise = false, .progress = {}})
        .x;
  }

  static double distance(const Batch& a, const Batch& b) { return std::sqrt((a - b).square().mean()); }

  MixtureProblem problem_{GetParam()};
  CounterNoise noise_{21, path_ids(kPaths), 1};
  Batch start_ = problem_.draw(kPaths, problem_.sde->t_max());
  mutable std::vector<std::uint32_t> evaluations_;
};

INSTANTIATE_TEST_SUITE_P(Sampler, OnePath, testing::Values("ve", "sub-vp", "edm", "rectified"),
                         [](const auto& info) { return info.param == "sub-vp" ? "sub_vp" : info.param; });

TEST_P(OnePath, IsFollowedByEveryToleranceAndByFixedSteps) {
  const Batch exact = fixed("dpm++2m-sde", 2000);  // itself within some 0.01 of the path
  double before = 1;
  for (const double tolerance : {0.03, 0.003, 0.0003}) {
    const double now = distance(adaptive(tolerance), exact);
    EXPECT_LT(now, 0.65 * before) << tolerance;
    before = now;
  }
  EXPECT_LT(before, 0.05);
  EXPECT_NE(*std::min_element(evaluations_.begin(), evaluations_.end()),
            *std::max_element(evaluations_.begin(), evaluations_.end()))
      << "each sample has steps of its own";
  for (const char* name : {"ancestral", "sa-solver", "euler-maruyama", "reverse-diffusion"}) {
    const double coarse = distance(fixed(name, 60), exact), fine = distance(fixed(name, 500), exact);
    EXPECT_LT(fine, 0.5 * coarse + 0.01) << name;
    EXPECT_LT(fine, 0.1) << name;
  }
}

}  // namespace
}  // namespace scoresde
