#include <gtest/gtest.h>

#include <cmath>

#include "core/error.h"
#include "verify/check.h"
#include "verify/line_density.h"
#include "verify/solver_error.h"

namespace scoresde {
namespace {

TEST(LineLaw, QuantilesAreTheProbabilityFlow) {
  for (const char* name : {"vp", "ve", "edm", "rectified", "sub-vp"}) {
    const auto sde = verification_sde(name);
    const MixtureScore score(*sde, verification_mixture());
    const double t = sde->t_max(), s = sde->time_at(std::log(4.0));
    const LineLaw noisy(*sde, verification_mixture(), t), clean(*sde, verification_mixture(), s);
    Batch x(5, 1);
    x << -2.5, -1, 0.1, 0.8, 3;
    x *= sde->prior_std();
    const Batch flow = fine_flow(*sde, score, x, t, s);
    for (Index i = 0; i < 5; ++i) {
      EXPECT_NEAR(clean.transport(x(i, 0), noisy), flow(i, 0), 1e-9) << name;
      EXPECT_NEAR(noisy.transport(flow(i, 0), clean) / x(i, 0), 1, 1e-8) << name;
    }
  }
}

TEST(LineLaw, ItsFunctionsAgree) {
  const auto sde = verification_sde("vp");
  const LineLaw law(*sde, verification_mixture(), 0.3);
  const MixtureScore score(*sde, verification_mixture());
  for (const double x : {-3.0, -0.2, 0.0, 1.1}) {
    EXPECT_NEAR(law.below(x) + law.above(x), 1, 1e-15);
    EXPECT_NEAR((law.below(x + 1e-4) - law.below(x - 1e-4)) / 2e-4, law.density(x), 1e-8);
    EXPECT_NEAR(std::log(law.density(x)), score.log_density(Batch::Constant(1, 1, x), times_of(1, 0.3))[0], 1e-12);
  }
}

TEST(LineLaw, KolmogorovSeesAShiftAndNothingElse) {
  // 2000 exact draws: above 2.37 once in 40,000. A shift of 0.1 standard deviations is a distance of 0.04 or more.
  const auto sde = verification_sde("vp");
  const LineLaw law(*sde, verification_mixture(), 0.5);
  const Batch x = draw_at(*sde, verification_mixture(), 0.5, 2000, 9);
  EXPECT_LT(law.kolmogorov(x), 2.37);
  EXPECT_GT(law.kolmogorov(x), 0.2);
  EXPECT_GT(law.kolmogorov(x + 0.2), 3);
  Batch broken = x;
  broken(3, 0) = std::nan("");
  EXPECT_TRUE(std::isnan(law.kolmogorov(broken)));
}

TEST(FineFlow, IsTheClosedFormOfAGaussianInManyDimensions) {
  const auto sde = verification_sde("sub-vp");
  Eigen::Matrix3d covariance;
  covariance << 0.3, 0.1, 0, 0.1, 0.2, -0.05, 0, -0.05, 0.1;
  const Gaussian law(Eigen::Array3d(0.5, -0.4, 0.2), Eigen::MatrixXd(covariance));
  const GaussianScore score(*sde, law);
  const Batch x = draw_at(*sde, {{1, law}}, 1, 4, 1);
  EXPECT_LT((fine_flow(*sde, score, x, 1, 1e-3) - score.flow(x, 1, 1e-3)).abs().maxCoeff(), 1e-9);
}

TEST(FokkerPlanck, KeepsTheSumAndNeverGoesNegative) {
  const LineCells cells{-3, 3, 60};
  Times density = Times::Zero(60);
  density[10] = 5;
  density[59] = 2;
  const std::vector<double> times = {0, 0.5, 0.51, 4};  // steps far beyond any explicit bound
  for (const double rate : {0.0, 1e-14, 0.3, 50.0}) {
    const LineProcess process{[](const Times& x, double t) -> Times { return 40 * (x - t).sin(); },
                              [&](double) { return rate; }};
    const Times after = fokker_planck(process, cells, density, times);
    EXPECT_NEAR(after.sum(), density.sum(), 1e-11) << rate;
    EXPECT_GE(after.minCoeff(), 0) << rate;
  }
}

TEST(FokkerPlanck, RestsInTheLawOfOrnsteinAndUhlenbeck) {
  // dx = -x dt + sqrt 2 dw rests in N(0, 1), and between faces where u is taken at the middle the fitted flux of its
  // point values vanishes exactly, on any grid.
  const LineProcess process{[](const Times& x, double) -> Times { return -x; }, [](double) { return 2.0; }};
  for (const Index count : {20, 81}) {
    const LineCells cells{-5, 5, count};
    const Times start = (-0.5 * cells.centres().square()).exp();
    const Times after = fokker_planck(process, cells, start, std::vector<double>{0, 0.1, 3, 50});
    EXPECT_LT((after - start).abs().maxCoeff(), 1e-12) << count;
    const Times pushed =
        fokker_planck(process, cells, start + 0.1 * (cells.centres() > 2).cast<double>(), std::vector<double>{0, 0.1});
    EXPECT_GT((pushed - start).abs().maxCoeff(), 0.01) << count;
  }
}

/// Forward SDE, reverse SDE of any eta and probability flow have the same marginals: their densities come to the exact
/// one, at second order in the width of the cells, and the flow's at first.
class OneDensity : public testing::TestWithParam<std::string> {};

TEST_P(OneDensity, ForAllProcesses) {
  const LineDensity coarse(GetParam(), 60), fine(GetParam(), 120);
  const auto expect_order = [](double order, double most, double coarse_error, double fine_error) {
    EXPECT_LT(fine_error, most);
    EXPECT_GT(std::log2(coarse_error / fine_error), order);
  };
  expect_order(1.6, 0.06, coarse.distance(coarse.forward(), coarse.exact(coarse.noisy())),
               fine.distance(fine.forward(), fine.exact(fine.noisy())));
  for (const double eta : {0.0, 0.5, 1.0, 2.0}) {
    SCOPED_TRACE(eta);
    const auto error = [&](const LineDensity& line) {
      return line.distance(line.reverse(eta, {line.clean()}).front(), line.exact(line.clean()));
    };
    expect_order(eta == 0 ? 0.6 : 1.5, eta == 0 ? 0.35 : 0.06, error(coarse), error(fine));
  }
}

INSTANTIATE_TEST_SUITE_P(Verify, OneDensity, testing::Values("vp", "ve", "rectified"));

TEST(SolverError, OrdersAreThoseOfTheMethods) {
  const auto sde = verification_sde("vp");
  const auto order = [&](const char* name, bool mixture) {
    const SolverChoice choice(name, {});
    return measured_order(
               [&](int steps) {
                 return choice.stochastic()
                            ? exact_law_error(*sde, choice, steps)
                            : exact_flow_error(*sde, mixture ? verification_mixture() : verification_gaussian(), choice,
                                               steps);
               },
               50, 2)
        .order;
  };
  EXPECT_NEAR(order("heun", false), 2, 0.2);
  EXPECT_NEAR(order("heun", true), 2, 0.2);
  EXPECT_NEAR(order("ddim", true), 1, 0.1);
  EXPECT_NEAR(order("euler-maruyama", false), 1, 0.1);
}

TEST(MeasuredOrder, StopsBeforeRounding) {
  EXPECT_NEAR(measured_order([](int n) { return std::pow(n, -3.0); }, 10, 3).order, 3, 1e-12);
  const MeasuredOrder fine = measured_order([](int n) { return std::max(std::pow(n, -6.0), 1e-13); }, 10, 6);
  EXPECT_NEAR(fine.order, 6, 1e-9);
  EXPECT_GT(fine.error, 1e-9);
}

TEST(Verifications, MarkWhatDoesNotPass) {
  CheckTable table{"t", "n", "solver", {{"a", "vp", 1.02, 0.9, 2, "1"}, {"a", "ve", 0.5, 0.9, 2, "1"}}};
  table.checks.push_back({"b", "ve", std::nan(""), 0, 1, "2"});
  const Table shown = table_of(table);
  EXPECT_EQ(shown.header, (std::vector<std::string>{"solver", "declared", "vp", "ve"}));
  EXPECT_EQ(shown.rows[0], (std::vector<std::string>{"a", "1", "1.02", "0.50 !"}));
  EXPECT_EQ(shown.rows[1], (std::vector<std::string>{"b", "2", "-", "nan !"}));
}

TEST(Verifications, MarginalsPass) {
  for (const VerificationEntry& entry : verifications()) {
    if (entry.name != "marginals") continue;
    for (const CheckTable& table : entry.run({.full = false, .threads = 1}))
      for (const Check& check : table.checks)
        EXPECT_TRUE(check.passed()) << check.row << " " << check.column << " " << check.measured;
  }
}

}  // namespace
}  // namespace scoresde
