#include "likelihood/flow.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "core/error.h"
#include "core/sum.h"
#include "likelihood/test_problem.h"

namespace scoresde {
namespace {

using namespace testing_support;

constexpr const char* flow_sdes[] = {"ve", "vp", "sub-vp", "ou", "edm", "rectified", "cosine"};

// log p_{t_min}(x) by the flow and the exact density at its end, beside the exact density at its start, in bits.
double worst_bits(const Sde& sde, const FlowOptions& options) {
  const MixtureScore score = skewed_mixture(sde);
  const Batch x = spread_points(6);
  const FlowResult r = flow_with_divergence(sde, score, x, sde.t_min(), sde.t_max(),
                                            make_probes("exact", 1, 0, first_ids(6), 3), options);
  for (const bool converged : r.converged) EXPECT_TRUE(converged) << sde.name();
  const Times found = score.log_density(r.x, times_of(6, sde.t_max())) + r.divergence.col(0);
  return (found - score.log_density(x, times_of(6, sde.t_min()))).abs().maxCoeff() / std::numbers::ln2;
}

TEST(LikelihoodFlow, ExactDivergenceGivesTheTrueDensityOfAMixture) {
  for (const char* name : flow_sdes) EXPECT_LT(worst_bits(*sde_named(name), {.tolerance = 1e-8}), 1e-5) << name;
}

TEST(LikelihoodFlow, FixedGridsConvergeAtTheirOrderOnEverySde) {
  int methods = 0;
  for (const IntegratorEntry& entry : integrators()) {
    if (!entry.fixed) continue;
    ++methods;
    for (const char* name : flow_sdes) {
      const auto sde = sde_named(name);
      const auto error = [&](int steps) {
        return worst_bits(*sde, {.integrator = std::string(entry.name), .steps = steps});
      };
      const double coarse = error(64), fine = error(128), slope = std::log2(coarse / fine);
      EXPECT_GT(slope, entry.order - 0.35) << entry.name << " " << name << ": " << coarse << ", " << fine;
      EXPECT_LT(slope, entry.order + 1.3) << entry.name << " " << name;
      EXPECT_LT(fine, 1e-4) << entry.name << " " << name;
    }
  }
  EXPECT_EQ(methods, 2);
}

TEST(LikelihoodFlow, DecodingBringsBackWhatWasEncoded) {
  for (const IntegratorEntry& entry : integrators())
    for (const char* name : flow_sdes) {
      const auto sde = sde_named(name);
      const MixtureScore score = skewed_mixture(*sde);
      const Batch x = spread_points(8);
      const FlowOptions options{.integrator = std::string(entry.name), .tolerance = 1e-6, .steps = 64};
      const FlowResult z = flow(*sde, score, x, sde->t_min(), sde->t_max(), options);
      const FlowResult back = flow(*sde, score, z.x, sde->t_max(), sde->t_min(), options);
      EXPECT_LT((back.x - x).abs().maxCoeff(), 1e-4) << entry.name << " " << name;
      EXPECT_GT((z.x - x).abs().maxCoeff(), 0.1) << name;
    }
}

// The flow of a Gaussian is known: an encoded point is the closed form's.
TEST(LikelihoodFlow, LatentsOfAGaussianAreTheClosedForm) {
  for (const char* name : flow_sdes) {
    const auto sde = sde_named(name);
    const GaussianScore score(*sde, Gaussian(Eigen::Array3d(0.3, -0.2, 0.5), 0.2));
    const Batch x = spread_points(4), exact = score.flow(x, sde->t_min(), sde->t_max());
    const FlowResult z = flow(*sde, score, x, sde->t_min(), sde->t_max(), {.tolerance = 1e-9});
    EXPECT_LT((z.x - exact).abs().maxCoeff(), 1e-6 * exact.abs().maxCoeff()) << name;
  }
}

TEST(LikelihoodFlow, RowsDoNotKnowEachOther) {
  const auto sde = sde_named("vp");
  const MixtureScore score = skewed_mixture(*sde);
  const Batch x = spread_points(7);
  const auto ids = first_ids(7);
  for (const IntegratorEntry& entry : integrators()) {
    const FlowOptions options{.integrator = std::string(entry.name), .steps = 8};
    const auto run = [&](Index first, Index count) {
      const auto part = std::span(ids).subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(count));
      return flow_with_divergence(*sde, score, x.middleRows(first, count), sde->t_min(), sde->t_max(),
                                  make_probes("rademacher", 3, 5, part, 3), options);
    };
    const FlowResult all = run(0, 7);
    for (Index first = 0; first < 7; first += 3) {
      const Index count = std::min<Index>(3, 7 - first);
      const FlowResult part = run(first, count);
      EXPECT_TRUE((part.x == all.x.middleRows(first, count)).all()) << entry.name;
      EXPECT_TRUE((part.divergence == all.divergence.middleRows(first, count)).all()) << entry.name;
    }
  }
}

TEST(LikelihoodFlow, SphericalInterpolationKeepsLengths) {
  const Batch z = CounterNoise(3, {0, 1}, 500).normal(Purpose::test, {0, 0, 0});
  const Batch path = spherical(z.topRows(1), z.bottomRows(1), 9);
  EXPECT_LT((path.row(0) - z.row(0)).abs().maxCoeff(), 1e-14);
  EXPECT_LT((path.row(8) - z.row(1)).abs().maxCoeff(), 1e-14);
  const Times lengths = row_norm(path), ends = row_norm(z);
  // sin(u) + sin(w - u) of vectors of lengths a and b: between them up to how far they are from orthogonal.
  EXPECT_GT(lengths.minCoeff(), 0.98 * ends.minCoeff());
  EXPECT_LT(lengths.maxCoeff(), 1.02 * ends.maxCoeff());
  const Batch line = spherical(z.topRows(1), 2 * z.topRows(1), 3);
  EXPECT_LT((line.row(1) - 1.5 * z.row(0)).abs().maxCoeff(), 1e-12);
  EXPECT_TRUE(spherical(Batch::Zero(1, 4), Batch::Zero(1, 4), 2).isZero());
}

TEST(LikelihoodFlow, WhatCannotBeIsAnError) {
  const auto sde = sde_named("vp");
  const MixtureScore score = skewed_mixture(*sde);
  const Batch x = spread_points(2);
  EXPECT_THROW(flow(*sde, score, x, 0, 1, {}), Error);
  EXPECT_THROW(flow(*sde, score, x, 0.1, 1, {.integrator = "rk46"}), Error);
  EXPECT_THROW(flow(*sde, score, x, 0.1, 1, {.tolerance = 0}), Error);
  EXPECT_THROW(flow(*sde, score, x, 0.1, 1, {.integrator = "rk4", .steps = 0}), Error);
  EXPECT_THROW(integrate_fixed("rk45", {}, x, std::vector<double>{0, 1}), Error);
  EXPECT_THROW(integrate_fixed("rk4", {}, x, std::vector<double>{0}), Error);
  EXPECT_THROW(spherical(x, x, 4), Error);
  EXPECT_THROW(spherical(x.topRows(1), x.topRows(1), 1), Error);
}

}  // namespace
}  // namespace scoresde
