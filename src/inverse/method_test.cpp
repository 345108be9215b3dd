#include "inverse/method.h"

#include <gtest/gtest.h>

#include <cmath>

#include "inverse/test_operators.h"
#include "inverse/test_posterior.h"
#include "inverse/uncertainty.h"

namespace scoresde {
namespace {

using test::first_ids;
using test::SmallProblem;

const ItemShape grid_of_pixels{1, 4, 4, true};

Samples restored(const Sde& sde, const SmallProblem& problem, const MethodChoice& method, int steps, Index rows,
                 std::uint64_t first = 0) {
  const MixtureScore score(sde, problem.prior);
  const CounterNoise noise(11, first_ids(rows, first), score.dimension());
  return restore({sde, score, noise}, problem.measurement.repeated(rows), method, steps);
}

MethodOptions quick(const MethodEntry& entry) {
  MethodOptions options;
  if (entry.name == "repaint") options.resamples = 3, options.jump = 2;
  return options;
}

class EveryMethod : public testing::TestWithParam<const MethodEntry*> {};

TEST_P(EveryMethod, ServesWhatItDeclaresAndRefusesTheRestWithASentence) {
  const MethodEntry& entry = *GetParam();
  const MethodChoice method(entry.name, quick(entry));
  const auto sde = make_sde({});
  for (const OperatorEntry& op_entry : operators()) {
    const auto op = test::test_operator(
        op_entry, op_entry.name == "grey" || op_entry.name == "luminance" ? ItemShape{3, 2, 2, true} : grid_of_pixels);
    ASSERT_NE(op, nullptr) << op_entry.name;
    if (entry.linear && !op->linear()) {
      EXPECT_NE(method.obstacle(*op), "");
      continue;
    }
    EXPECT_EQ(method.obstacle(*op), "");
    if (entry.closed_form && !op->linear()) continue;
    const Samples samples = restored(*sde, SmallProblem(op, true, 0.1), method, 4, 2);
    EXPECT_TRUE(samples.failures.empty() && samples.x.isFinite().all()) << entry.name << " " << op_entry.name;
    EXPECT_EQ(static_cast<int>(samples.evaluations[0]), method.evaluations(4)) << entry.name;
  }
}

TEST_P(EveryMethod, DrawsARowForItselfAlone) {
  const MethodEntry& entry = *GetParam();
  const MethodChoice method(entry.name, quick(entry));
  for (const char* name : {"vp", "ve", "sub-vp", "edm"}) {
    SdeConfig config;
    config.name = name;
    const auto sde = make_sde(config);
    const auto op = make_operator("super-resolution", grid_of_pixels, {.factor = 2});
    const SmallProblem problem(op, true, 0.05);
    const Batch all = restored(*sde, problem, method, 5, 4).x;
    EXPECT_TRUE((restored(*sde, problem, method, 5, 1, 2).x.row(0) == all.row(2)).all()) << entry.name << " " << name;
    EXPECT_FALSE((all.row(0) == all.row(1)).all()) << entry.name;
  }
}

INSTANTIATE_TEST_SUITE_P(All, EveryMethod, testing::ValuesIn([] {
                           std::vector<const MethodEntry*> entries;
                           for (const MethodEntry& entry : methods()) entries.push_back(&entry);
                           return entries;
                         }()),
                         [](const auto& info) {
                           std::string name(info.param->name);
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

/// Worst error of the mean and of the covariance's entries, in standard errors of n independent draws of `law`.
struct MomentErrors {
  double mean, covariance;
};

MomentErrors moment_errors(const Batch& x, const Gaussian& law) {
  const double n = static_cast<double>(x.rows());
  const Eigen::MatrixXd c = law.covariance();
  const Eigen::VectorXd mean = x.colwise().mean().matrix();
  const Eigen::MatrixXd centred = x.matrix().rowwise() - mean.transpose();
  const Eigen::MatrixXd sample = centred.transpose() * centred / (n - 1);
  MomentErrors worst{0, 0};
  for (Index i = 0; i < c.rows(); ++i) {
    worst.mean = std::max(worst.mean, std::abs(mean[i] - law.mean()[i]) / std::sqrt(c(i, i) / n));
    for (Index j = 0; j < c.rows(); ++j)
      worst.covariance = std::max(
          worst.covariance, std::abs(sample(i, j) - c(i, j)) / std::sqrt((c(i, i) * c(j, j) + c(i, j) * c(i, j)) / n));
  }
  return worst;
}

// Methods whose law is the posterior in the limit, held to it for a Gaussian prior: 2000 draws, 5 standard errors and a
// fifth of one for each of the steps' own errors.
TEST(ExactMethods, DrawThePosteriorOfGaussianData) {
  const auto sde = make_sde({});
  const auto op = make_operator("super-resolution", grid_of_pixels, {.factor = 2});
  const SmallProblem problem(op, false, 0.1);
  const Gaussian truth = problem.posterior().front().law;
  MethodOptions matched;
  matched.iterations = 4;  // four values are measured
  const struct {
    const char* name;
    MethodOptions options;
    int steps;
  } cases[] = {{"exact", {}, 1},
               {"moment-matching", matched, 40},
               {"split-gibbs", {.rho_min = 0.05}, 80},
               {"langevin", {.inner = 6}, 200}};
  for (const auto& c : cases) {
    const MomentErrors errors = moment_errors(restored(*sde, problem, {c.name, c.options}, c.steps, 2000).x, truth);
    EXPECT_LT(errors.mean, 6) << c.name;
    EXPECT_LT(errors.covariance, 6) << c.name;
  }
}

// Two modes of which the lesser one keeps too many chains: the mean of 400 draws in deviations of the posterior.
TEST(SplitGibbsMethod, ParticlesGiveModesTheirWeights) {
  const auto sde = make_sde({});
  const SmallProblem problem(make_operator("hadamard", grid_of_pixels, {.keep = 0.5}), true, 0.1);
  const Batch exact = draw_rows(problem.posterior(), 20000, 3);
  const Eigen::RowVectorXd mean = exact.colwise().mean().matrix();
  const Eigen::RowVectorXd deviation = (exact.matrix().rowwise() - mean).array().square().colwise().mean().sqrt();
  const auto error = [&](int particles) {
    const Samples samples =
        restored(*sde, problem, {"split-gibbs", {.prior_steps = 6, .particles = particles}}, 60, 400);
    return ((samples.x.colwise().mean().matrix() - mean).array() / deviation.array()).abs().maxCoeff();
  };
  EXPECT_GT(error(1), 0.4);
  EXPECT_LT(error(8), 0.25);
}

TEST(SplitGibbsMethod, ParticlesLeaveRowsToThemselves) {
  const auto sde = make_sde({});
  const SmallProblem problem(make_operator("hadamard", grid_of_pixels, {.keep = 0.5}), true, 0.1);
  const MethodChoice method("split-gibbs", {.particles = 3});
  const Samples all = restored(*sde, problem, method, 5, 4);
  EXPECT_TRUE((restored(*sde, problem, method, 5, 1, 2).x.row(0) == all.x.row(2)).all());
  EXPECT_FALSE((all.x.row(0) == all.x.row(1)).all());
  EXPECT_EQ(static_cast<int>(all.evaluations[0]), method.evaluations(5));
}

TEST(NoiselessMethods, GiveBackWhatWasMeasured) {
  const auto sde = make_sde({});
  for (const char* op_name : {"super-resolution", "inpaint-random", "hadamard"}) {
    OperatorOptions options;
    if (std::string_view(op_name) == "super-resolution") options.factor = 2;
    const SmallProblem problem(make_operator(op_name, grid_of_pixels, options), true, 0);
    for (const char* name : {"projection", "repaint", "ddrm", "diffpir", "mcg", "split-gibbs"}) {
      const Batch x =
          restored(*sde, problem,
                   {name, name == std::string_view("repaint") ? MethodOptions{.resamples = 2} : MethodOptions{}}, 20, 3)
              .x;
      const Times left = residual_chi_square(problem.measurement.repeated(3), x);
      // The Gibbs sampler's last draw is the prior's, rho away from what fits.
      EXPECT_LT(left.maxCoeff(), name == std::string_view("split-gibbs") ? 0.05 : 1e-20) << name << " " << op_name;
    }
  }
}

TEST(Methods, RefuseSettingsTheyDoNotRead) {
  EXPECT_THROW(MethodChoice("ddrm", {.scale = 2}), Error);
  EXPECT_THROW(MethodChoice("hoin"), Error);
  EXPECT_THROW(MethodChoice("pigdm", {.solver = "rk45"}), Error);
  EXPECT_EQ(MethodChoice("ddrm").steps_for(21), 20);
  EXPECT_EQ(MethodChoice("dps").steps_for(10), 4);
  EXPECT_THROW(MethodChoice("repaint").steps_for(3), Error);
  const auto sde = make_sde({});
  class Flat : public Score {
   public:
    Batch operator()(const Batch& x, const Times&) const override { return -x; }
    Index dimension() const override { return 16; }
  };
  const Flat flat;
  const CounterNoise noise(0, {0}, 16);
  const Measurement m{make_operator("denoise", grid_of_pixels), Batch::Zero(1, 16), 0.1};
  EXPECT_THROW(restore({*sde, flat, noise}, m, MethodChoice("exact"), 1), Error) << "no closed form";
  EXPECT_THROW(restore({*sde, flat, noise}, m, MethodChoice("dps"), 1), Error) << "no derivative";
  EXPECT_NO_THROW(restore({*sde, flat, noise}, m, MethodChoice("diffpir"), 3));
}

TEST(PosteriorMaps, AreMomentsAndQuantilesOfTheDraws) {
  Batch draws(5, 2);
  draws << 1, 0, 2, 0, 3, 0, 4, 0, 5, 10;
  const PosteriorMaps maps = posterior_maps(draws, 0.5);
  EXPECT_DOUBLE_EQ(maps.mean(0, 0), 3);
  EXPECT_DOUBLE_EQ(maps.std(0, 0), std::sqrt(2.5));
  EXPECT_DOUBLE_EQ(maps.low(0, 0), 2);
  EXPECT_DOUBLE_EQ(maps.high(0, 0), 4);
  EXPECT_DOUBLE_EQ(coverage(maps, (Batch(1, 2) << 3, 7).finished()), 0.5);
  EXPECT_THROW(posterior_maps(Batch(0, 2)), Error);
  EXPECT_THROW(posterior_maps(draws, 1), Error);
  // Calibrated draws cover as often as is said: 4000 values, 9 draws of the same law each.
  Batch normal(10, 4000);
  for (Index i = 0; i < 10; ++i) normal.row(i) = test::vector_of_noise(static_cast<std::uint64_t>(i), 4000).transpose();
  const double covered = coverage(posterior_maps(normal.topRows(9), 0.5), normal.bottomRows(1));
  EXPECT_NEAR(covered, expected_coverage(9, 0.5), 5 * std::sqrt(0.25 / 4000));
}

}  // namespace
}  // namespace scoresde
