#include "likelihood/likelihood.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "core/error.h"
#include "core/sum.h"
#include "likelihood/dequantise.h"
#include "likelihood/test_problem.h"

namespace scoresde {
namespace {

using namespace testing_support;

double error_of_mean(const Times& values) {
  const double mean = ordered_mean(values);
  return std::sqrt(ordered_mean((values - mean).square()) / static_cast<double>(values.size() - 1));
}

/// Items of the mixture's own law, of one component each.
Batch mixture_points(Index n) {
  const Batch z = CounterNoise(4, first_ids(n), 3).normal(Purpose::test, {0, 0, 2});
  Batch x = 0.3 * z;
  for (Index i = 0; i < n; ++i) x.row(i) += Eigen::RowVector3d(-0.7, 0.3, 0.1).array();
  return x;
}

/// -log of the mixture's density at t = 0.
Times exact_cost(const MixtureScore& score, const Sde& sde, const Batch& x) {
  return -score.log_density(x, times_of(x.rows(), 1e-3 * sde.t_min()));
}

TEST(Likelihood, PartsAddUpAndHutchinsonIsUnbiased) {
  const auto sde = sde_named("vp");
  const MixtureScore score = skewed_mixture(*sde);
  constexpr Index items = 1000;
  const Batch x = mixture_points(items);
  const auto ids = first_ids(items);
  LikelihoodOptions options{.divergence = "exact", .as_at_t_min = true};
  options.flow.tolerance = 1e-6;
  const NegativeLogLikelihood exact = negative_log_likelihood(*sde, score, x, ItemKind::continuous, ids, options);
  EXPECT_TRUE((exact.total() == exact.prior + exact.divergence).all());
  for (const DivergenceEntry& entry : divergences()) {
    if (entry.exact) continue;
    options.divergence = entry.name;
    options.probes = 2 * entry.block;
    const NegativeLogLikelihood found = negative_log_likelihood(*sde, score, x, ItemKind::continuous, ids, options);
    const Times difference = found.total() - exact.total();
    EXPECT_LT(std::abs(ordered_mean(difference)), 4 * error_of_mean(difference)) << entry.name;
    // What the items say of their errors, over all items, is the spread that was found.
    const double claimed = ordered_mean(found.probe_error.square()), spread = ordered_mean(difference.square());
    EXPECT_GT(claimed, 0.6 * spread) << entry.name;
    EXPECT_LT(claimed, 1.6 * spread) << entry.name;
  }
}

// With the exact score p_T lies off the prior by what is known: -log p_0(x) plus that is what the flow finds.
TEST(Likelihood, TruncationBringsBackTheDensityAtZero) {
  for (const char* name : {"ve", "vp", "sub-vp", "ou", "edm", "rectified"}) {
    const auto sde = sde_named(name);
    const MixtureScore score = skewed_mixture(*sde);
    constexpr Index items = 100;
    const Batch x = mixture_points(items);
    LikelihoodOptions options{.divergence = "exact"};
    options.flow.tolerance = 1e-7;
    const NegativeLogLikelihood found =
        negative_log_likelihood(*sde, score, x, ItemKind::continuous, first_ids(items), options);
    // The same flow ends at the same z: take the exact density there.
    const FlowResult end = flow(*sde, score, x, sde->t_min(), sde->t_max(), options.flow);
    const Times prior_gap = score.log_density(end.x, times_of(items, sde->t_max())) - prior_log_density(*sde, end.x);
    const Times difference = found.total() - prior_gap - exact_cost(score, *sde, x);
    EXPECT_LT(std::abs(ordered_mean(difference)), 5 * error_of_mean(difference) + 2e-4) << name;
    EXPECT_LT(error_of_mean(difference), 0.01) << name;
  }
}

TEST(Likelihood, NoNumberDependsOnBatchMates) {
  const auto sde = sde_named("sub-vp");
  const MixtureScore score = skewed_mixture(*sde);
  const Batch x = (mixture_points(5) * 127.5).round() / 127.5;
  for (const DequantisationEntry& entry : dequantisations()) {
    const LikelihoodOptions options{.dequantisation = std::string(entry.name), .seed = 3};
    const auto ids = first_ids(5);
    const NegativeLogLikelihood all = negative_log_likelihood(*sde, score, x, ItemKind::eight_bit, ids, options);
    const VariationalBound bound = variational_bound(*sde, score, x, ItemKind::eight_bit, ids, {.samples = 8});
    for (Index i = 0; i < 5; ++i) {
      const std::vector<std::uint64_t> id{static_cast<std::uint64_t>(i)};
      const NegativeLogLikelihood one =
          negative_log_likelihood(*sde, score, x.row(i), ItemKind::eight_bit, id, options);
      EXPECT_EQ(one.total()[0], all.total()[i]) << entry.name;
      EXPECT_EQ(variational_bound(*sde, score, x.row(i), ItemKind::eight_bit, id, {.samples = 8}).total()[0],
                bound.total()[i]);
    }
  }
}

TEST(Dequantisation, DrawsFillTheirBinAndTheirVolumeIsRight) {
  for (const char* name : {"vp", "edm", "ve"}) {
    const auto sde = sde_named(name);
    constexpr Index items = 20000;
    const Batch levels = Batch::Constant(items, 1, 100 / 127.5 - 1);
    for (const DequantisationEntry& entry : dequantisations()) {
      const Dequantised d = entry.draw(*sde, levels, 1, first_ids(items), 0);
      const double alpha = entry.at_data ? 1 : sde->marginal(d.t).alpha;
      const double low = entry.at_data ? 100 / 128. - 1 : alpha * (99.5 / 127.5 - 1);
      const double high = entry.at_data ? 101 / 128. - 1 : alpha * (100.5 / 127.5 - 1);
      EXPECT_GE(d.x.minCoeff(), low) << entry.name;
      EXPECT_LE(d.x.maxCoeff(), high) << entry.name;
      EXPECT_GT(d.x.maxCoeff() - d.x.minCoeff(), 0.99 * (high - low)) << entry.name;
      // E[1 / q] under q is the volume of the bin.
      const Times inverse = d.log_volume.exp() / (high - low);
      EXPECT_NEAR(ordered_mean(inverse), 1, 5 * error_of_mean(inverse) + 1e-12) << entry.name << " " << name;
      EXPECT_GE(d.t, sde->t_min());
    }
  }
}

// Levels of a law that is smooth over a bin: their probability is known. Uniform noise finds it; noise of another law q
// finds it plus KL(q || uniform on the bin), which is known too: log 2 tau - H(q) for the truncated normal, and for the
// bound, where levels are points, log of the bin's width in sigma / alpha less the entropy of N(0, 1).
TEST(Dequantisation, SmoothLawsGiveTheProbabilityOfALevelPlusAKnownGap) {
  const auto sde = sde_named("vp");
  const GaussianScore score(*sde, Gaussian(Eigen::Array2d(0.1, -0.2), 0.09));
  constexpr Index items = 400;
  const Batch x = ((spread_points(items, 2) * 63).round() - 0.5).max(-100).min(100) / 127.5;
  // -log of the bin's mass where levels lie at `scale` times their place.
  const auto exact = [&](double scale) {
    const Times miss = ((scale * x.col(0) - 0.1).square() + (scale * x.col(1) + 0.2).square()) / 0.09;
    return (0.5 * miss + 2 * std::log(127.5 / scale * 0.3 * std::sqrt(2 * std::numbers::pi))).eval();
  };
  const auto expect_gap = [&](const Times& found, double gap, const char* what, double scale = 1) {
    const Times difference = found - exact(scale) - gap;
    EXPECT_LT(std::abs(ordered_mean(difference)), 5 * error_of_mean(difference) + 2e-3) << what;
    EXPECT_LT(error_of_mean(difference), 0.1) << what;
  };
  const auto find = [&](const char* name) -> Times {
    LikelihoodOptions options{.divergence = "exact", .dequantisation = name};
    options.flow.tolerance = 1e-7;
    return negative_log_likelihood(*sde, score, x, ItemKind::eight_bit, first_ids(items), options).total();
  };
  expect_gap(find("uniform"), 0, "uniform", 127.5 / 128);
  const double entropy = 0.5 * std::log(2 * std::numbers::pi * std::numbers::e), share = std::erf(3 / std::sqrt(2.0));
  const double density = std::exp(-4.5) / std::sqrt(2 * std::numbers::pi);
  expect_gap(find("truncated-normal"), 2 * (std::log(6) - entropy - std::log(share) + 3 * density / share),
             "truncated-normal");
  const Marginal m = sde->marginal(sde->t_min());
  expect_gap(variational_bound(*sde, score, x, ItemKind::eight_bit, first_ids(items), {.samples = 32}).total(),
             2 * (std::log(2. / 255 * m.alpha / m.sigma) - entropy), "bound");
}

/// A score that is wrong by a factor.
class ScaledScore : public Score {
 public:
  ScaledScore(const Score& score, double factor) : score_(score), factor_(factor) {}
  Batch operator()(const Batch& x, const Times& t) const override { return factor_ * score_(x, t); }
  Index dimension() const override { return score_.dimension(); }

 private:
  const Score& score_;
  double factor_;
};

// With the exact score the reverse SDE has the forward one's law, so the bound is -log p_0(x_0) for every x_0, up to
// E[log p_T(x_T) - log prior(x_T)] and the decoder. A wrong score only adds.
TEST(VariationalBound, IsTightForTheExactScoreAndAboveForAWrongOne) {
  for (const char* name : {"ve", "vp", "sub-vp", "ou", "edm", "rectified"}) {
    const auto sde = sde_named(name);
    const MixtureScore score = skewed_mixture(*sde);
    constexpr Index items = 300;
    const Batch x = mixture_points(items);
    const auto ids = first_ids(items);
    const Marginal m = sde->marginal(sde->t_max());
    const Batch last = m.alpha * x + m.sigma * CounterNoise(8, ids, 3).normal(Purpose::test, {0, 0, 3});
    const Times prior_gap = score.log_density(last, times_of(items, sde->t_max())) - prior_log_density(*sde, last);
    const VariationalBound bound = variational_bound(*sde, score, x, ItemKind::continuous, ids, {.samples = 64});
    const Times difference = bound.total() - prior_gap - exact_cost(score, *sde, x);
    const double mean = ordered_mean(difference), error = error_of_mean(difference);
    EXPECT_LT(std::abs(mean), 5 * error + 2e-3) << name;
    EXPECT_LT(error, 0.1) << name;
    // The items' own errors account for what is found.
    const double claimed = std::sqrt(ordered_mean(bound.standard_error.square()) / items);
    EXPECT_GT(claimed, 0.8 * error) << name;
    EXPECT_LT(claimed, 1.25 * error) << name;

    const Times more =
        variational_bound(*sde, ScaledScore(score, 1.3), x, ItemKind::continuous, ids, {.samples = 64}).total() -
        bound.total();
    EXPECT_GT(ordered_mean(more), 5 * error_of_mean(more)) << name;
  }
}

TEST(Likelihood, WhatCannotBeIsAnError) {
  const auto sde = sde_named("vp");
  const MixtureScore score = skewed_mixture(*sde);
  const Batch x = mixture_points(2);
  const auto ids = first_ids(2), one = first_ids(1);
  EXPECT_THROW(negative_log_likelihood(*sde, score, x, ItemKind::continuous, one, {}), Error);
  EXPECT_THROW(negative_log_likelihood(*sde, score, x.leftCols(2), ItemKind::continuous, ids, {}), Error);
  EXPECT_THROW(negative_log_likelihood(*sde, score, x, ItemKind::eight_bit, ids, {.dequantisation = "normal"}), Error);
  EXPECT_THROW(variational_bound(*sde, score, x, ItemKind::continuous, ids, {.samples = 1}), Error);
  EXPECT_THROW(variational_bound(*sde, score, x, ItemKind::continuous, one, {}), Error);
}

}  // namespace
}  // namespace scoresde
