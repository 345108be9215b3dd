#include "likelihood/divergence.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/error.h"
#include "core/sum.h"
#include "likelihood/test_problem.h"

namespace scoresde {
namespace {

using namespace testing_support;

constexpr Index kTraceDimension = 6;

// A fixed matrix that is neither symmetric nor diagonal.
Batch test_matrix() {
  return CounterNoise(2, first_ids(kTraceDimension), kTraceDimension).normal(Purpose::test, {0, 0, 1});
}

// v^T A v of every item (row) and probe (column).
Batch trace_estimates(const Probes& probes, const Batch& a) {
  Batch estimates(probes.v.front().rows(), static_cast<Index>(probes.v.size()));
  for (std::size_t k = 0; k < probes.v.size(); ++k)
    estimates.col(static_cast<Index>(k)) = row_dot(probes.v[k], (probes.v[k].matrix() * a.matrix()).array());
  return estimates;
}

TEST(Divergence, EveryEstimatorIsUnbiasedAndKnowsItsError) {
  const Batch a = test_matrix();
  const double trace = a.matrix().trace();
  constexpr Index items = 4000;
  for (const DivergenceEntry& entry : divergences()) {
    const Probes probes = make_probes(entry.name, 4, 9, first_ids(items), kTraceDimension);
    const Batch estimates = trace_estimates(probes, a);
    if (entry.exact) {
      EXPECT_NEAR(row_sum(estimates)[0], trace, 1e-12);
      EXPECT_TRUE((probe_error(entry, row_mean(estimates), kTraceDimension) == 0).all());
      continue;
    }
    const Times means = row_mean(estimates);
    const double bias = ordered_mean(means) - trace;
    const double variance = ordered_mean((means - trace).square());
    EXPECT_LT(std::abs(bias), 5 * std::sqrt(variance / items)) << entry.name;
    const Times claimed = probe_error(entry, estimates, kTraceDimension).square();
    // The difference of two estimates of one variance; both are sums over independent items.
    const Times difference = claimed - (means - trace).square();
    const double spread = std::sqrt(ordered_mean((difference - ordered_mean(difference)).square()) / items);
    EXPECT_LT(std::abs(ordered_mean(difference)), 5 * spread)
        << entry.name << ": claimed " << ordered_mean(claimed) << ", found " << variance;
    EXPECT_LT(spread, 0.1 * variance) << entry.name;
  }
}

TEST(Divergence, OrderOfTheVariancesIsAsTold) {
  const Batch a = test_matrix();
  const auto variance = [&](const char* name) {
    const Times means = row_mean(trace_estimates(make_probes(name, 4, 9, first_ids(4000), kTraceDimension), a));
    return ordered_mean((means - a.matrix().trace()).square());
  };
  EXPECT_LT(variance("rademacher"), variance("gaussian"));
  EXPECT_LT(variance("orthogonal"), variance("gaussian"));
}

TEST(Divergence, AsManyOrthogonalProbesAsDimensionsAreExact) {
  const Batch a = test_matrix();
  const Times means = row_mean(trace_estimates(make_probes("orthogonal", 6, 1, first_ids(20), 6), a));
  EXPECT_LT((means - a.matrix().trace()).abs().maxCoeff(), 1e-12);
  EXPECT_TRUE((probe_error(divergences().back(), means.replicate(1, 6), 6) == 0).all());
}

// v_0 v_1 and its antithesis cancel: two dimensions have nothing else.
TEST(Divergence, APairOfAntitheticProbesIsExactInTwoDimensions) {
  const Batch a = test_matrix().topLeftCorner(2, 2);
  const Times means = row_mean(trace_estimates(make_probes("antithetic", 2, 1, first_ids(20), 2), a));
  EXPECT_LT((means - a.matrix().trace()).abs().maxCoeff(), 1e-14);
}

TEST(Divergence, ProbesBelongToTheSampleAlone) {
  const std::vector<std::uint64_t> ids{5, 3}, one{3};
  for (const DivergenceEntry& entry : divergences()) {
    const Probes both = make_probes(entry.name, 2, 1, ids, 4), single = make_probes(entry.name, 2, 1, one, 4);
    ASSERT_EQ(both.v.size(), entry.exact ? 4u : 2u);
    for (std::size_t k = 0; k < both.v.size(); ++k) {
      EXPECT_TRUE((both.v[k].row(1) == single.v[k].row(0)).all()) << entry.name;
    }
    if (entry.exact) continue;
    EXPECT_FALSE((both.v[0] == make_probes(entry.name, 2, 2, ids, 4).v[0]).all()) << "the seed is ignored";
  }
}

TEST(Divergence, WhatCannotBeIsAnError) {
  const auto ids = first_ids(1);
  EXPECT_THROW(make_probes("rademacher", 0, 0, ids, 4), Error);
  EXPECT_THROW(make_probes("rademacher", 65536, 0, ids, 4), Error);
  EXPECT_THROW(make_probes("antithetic", 3, 0, ids, 4), Error);
  EXPECT_THROW(make_probes("orthogonal", 5, 0, ids, 4), Error);
  EXPECT_THROW(make_probes("rademacker", 1, 0, ids, 4), Error);
}

}  // namespace
}  // namespace scoresde
