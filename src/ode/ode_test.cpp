#include "ode/ode.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "core/noise.h"

namespace scoresde {
namespace {

/// Rows turn at their own speed: x' = w (-y), y' = w x with w = 1 + row.
Batch rotate(const Batch& x, const Times&, std::span<const Index> rows) {
  Batch v(x.rows(), 2);
  for (Index i = 0; i < x.rows(); ++i) {
    const double w = 1 + static_cast<double>(rows[static_cast<std::size_t>(i)]);
    v(i, 0) = -w * x(i, 1);
    v(i, 1) = w * x(i, 0);
  }
  return v;
}

Batch unit_rows(Index rows) {
  Batch x = Batch::Zero(rows, 2);
  x.col(0) = 1;
  return x;
}

TEST(Rk45, StaysWithinToleranceBothDirections) {
  for (const double end : {2.0, -2.0}) {
    double last = 1;
    for (const double tolerance : {1e-4, 1e-7, 1e-10}) {
      const OdeResult r = integrate_rk45(rotate, unit_rows(5), 0, end, {.rtol = tolerance, .atol = tolerance});
      double worst = 0;
      for (Index i = 0; i < 5; ++i) {
        const double angle = (1 + static_cast<double>(i)) * end;
        worst = std::max({worst, std::abs(r.x(i, 0) - std::cos(angle)), std::abs(r.x(i, 1) - std::sin(angle))});
        EXPECT_TRUE(r.converged[static_cast<std::size_t>(i)]);
      }
      EXPECT_LT(worst, 20 * tolerance);
      EXPECT_LT(worst, last);
      last = worst;
    }
  }
}

TEST(Rk45, FifthOrder) {
  // With tolerances that accept every step and a given first step that stays (factor 10 is clipped by the interval),
  // one step of size h has an error of h^6.
  std::vector<double> errors;
  for (const double h : {0.4, 0.2, 0.1}) {
    const OdeResult r = integrate_rk45(rotate, unit_rows(1), 0, h, {.rtol = 1, .atol = 1, .first_step = h});
    EXPECT_EQ(r.evaluations[0], 7u);
    errors.push_back(std::hypot(r.x(0, 0) - std::cos(h), r.x(0, 1) - std::sin(h)));
  }
  EXPECT_NEAR(std::log2(errors[0] / errors[1]), 6, 0.1);
  EXPECT_NEAR(std::log2(errors[1] / errors[2]), 6, 0.05);
}

TEST(Rk45, RowsDoNotKnowEachOther) {
  const Index n = 7;
  const OdeResult all = integrate_rk45(rotate, unit_rows(n), 0, 3, {});
  for (Index first = 0; first < n; first += 3) {
    const Index count = std::min<Index>(3, n - first);
    const auto shifted = [&](const Batch& x, const Times& t, std::span<const Index> rows) {
      std::vector<Index> global(rows.begin(), rows.end());
      for (Index& row : global) row += first;
      return rotate(x, t, global);
    };
    const OdeResult part = integrate_rk45(shifted, unit_rows(count), 0, 3, {});
    for (Index i = 0; i < count; ++i) {
      EXPECT_TRUE((part.x.row(i) == all.x.row(first + i)).all()) << "row " << first + i;
      EXPECT_EQ(part.evaluations[static_cast<std::size_t>(i)], all.evaluations[static_cast<std::size_t>(first + i)]);
    }
  }
  EXPECT_LT(all.evaluations.front(), all.evaluations.back()) << "slow rows must cost less than fast ones";
}

TEST(Rk45, FinishedRowsAreNoLongerEvaluated) {
  std::uint64_t evaluated = 0;
  const auto counted = [&](const Batch& x, const Times& t, std::span<const Index> rows) {
    evaluated += rows.size();
    EXPECT_EQ(x.rows(), static_cast<Index>(rows.size()));
    return rotate(x, t, rows);
  };
  const OdeResult r = integrate_rk45(counted, unit_rows(6), 0, 3, {});
  std::uint64_t told = 0;
  for (const auto n : r.evaluations) told += n;
  EXPECT_EQ(evaluated, told);
}

TEST(Rk45, RejectsStepsThatAreTooLong) {
  const OdeResult r = integrate_rk45(rotate, unit_rows(1), 0, 3, {.first_step = 3});
  EXPECT_GT(r.rejected[0], 0u);
  EXPECT_NEAR(r.x(0, 0), std::cos(3.0), 1e-3);
  EXPECT_TRUE(r.converged[0]);
}

TEST(Rk45, OneSystemTakesTheSameStepsForAllRows) {
  const OdeResult r = integrate_rk45(rotate, unit_rows(6), 0, 3, {.one_system = true});
  for (const auto n : r.evaluations) EXPECT_EQ(n, r.evaluations[0]);
}

TEST(Rk45, FailureIsAValue) {
  // x' = x^2 from 1 has a pole at t = 1; the second row, from 0.1, has none before t = 10.
  const auto square = [](const Batch& x, const Times&, std::span<const Index>) -> Batch { return x.square(); };
  Batch x(2, 1);
  x << 1, 0.1;
  const OdeResult pole = integrate_rk45(square, x, 0, 2, {});
  EXPECT_FALSE(pole.converged[0]);
  EXPECT_TRUE(pole.converged[1]);
  EXPECT_NEAR(pole.x(1, 0), 0.125, 1e-5);

  const OdeResult few = integrate_rk45(rotate, unit_rows(1), 0, 100, {.most_steps = 5});
  EXPECT_FALSE(few.converged[0]);

  const auto nothing = [](const Batch& y, const Times&, std::span<const Index>) -> Batch {
    return Batch::Constant(y.rows(), y.cols(), std::nan(""));
  };
  const OdeResult broken = integrate_rk45(nothing, x, 0, 1, {});
  EXPECT_FALSE(broken.converged[0]);
  EXPECT_LT(broken.evaluations[0], 200u);
}

TEST(Rk45, EmptyAndZeroLength) {
  EXPECT_EQ(integrate_rk45(rotate, unit_rows(0), 0, 1, {}).x.rows(), 0);
  EXPECT_EQ(integrate_rk45(rotate, unit_rows(2), 1, 1, {}).evaluations[0], 0u);
}

}  // namespace
}  // namespace scoresde
