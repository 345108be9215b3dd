#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "core/error.h"
#include "core/noise.h"
#include "core/sum.h"
#include "metrics/divergence.h"
#include "metrics/sinkhorn.h"

namespace scoresde {
namespace {

/// Rows of N(mean, deviation^2 I).
Batch normal_rows(std::uint64_t seed, Index rows, Index columns, double mean = 0, double deviation = 1) {
  Batch x(rows, columns);
  for (Index i = 0; i < rows; ++i)
    fill_normal({.seed = seed, .sample = static_cast<std::uint64_t>(i)},
                std::span(&x(i, 0), static_cast<std::size_t>(columns)));
  return mean + deviation * x;
}

const MetricEntry& metric(std::string_view name) {
  for (const MetricEntry& entry : metrics())
    if (entry.name == name) return entry;
  fail(Failure::usage, "no metric {}", name);
}

class EveryMetric : public testing::TestWithParam<std::string> {
 protected:
  MetricValue of(const Batch& p, const Batch& q, std::uint64_t seed = 1) const {
    return measure(metric(GetParam()), {.samples = p, .reference = q, .seed = seed});
  }
};

TEST_P(EveryMetric, IsNearItsIdealForEqualLawsAndFarForOthers) {
  const MetricEntry& entry = metric(GetParam());
  // Far: elsewhere and narrower, so that fidelity and diversity both suffer.
  const Batch p = normal_rows(1, 400, 2), q = normal_rows(2, 400, 2), far = normal_rows(3, 400, 2, 5, 0.5);
  const MetricValue same = of(p, q), other = of(far, q);
  // Distances are biased upwards in a finite sample: w1 and w2 by 0.1 here, sinkhorn by 0.2.
  EXPECT_NEAR(same.value, entry.ideal, 5 * same.error + (GetParam() == "sinkhorn" ? 0.2 : 0.1));
  EXPECT_GT(std::abs(other.value - entry.ideal),
            std::abs(same.value - entry.ideal) + 5 * std::hypot(same.error, other.error));
  if (std::isfinite(same.p_value)) {
    EXPECT_GT(same.p_value, 0.01);
    EXPECT_LE(other.p_value, 0.001);
  }
}

TEST_P(EveryMetric, IsAFunctionOfItsArguments) {
  const Batch p = normal_rows(1, 60, 2), q = normal_rows(2, 60, 2, 0.3);
  const MetricValue one = of(p, q, 5), two = of(Batch(p), Batch(q), 5);
  EXPECT_EQ(one.value, two.value);
  EXPECT_EQ(one.error, two.error);
}

TEST_P(EveryMetric, TakesOneDimensionAndMany) {
  for (const Index d : {1, 17}) {
    const MetricValue estimate = of(normal_rows(1, 45, d), normal_rows(2, 45, d, 0.5));
    EXPECT_TRUE(std::isfinite(estimate.value)) << d;
    EXPECT_TRUE(estimate.error > 0 || estimate.value == metric(GetParam()).ideal) << d;  // a share may be all
  }
}

TEST_P(EveryMetric, RefusesWhatCannotBeCompared) {
  const Batch p = normal_rows(1, 60, 2);
  EXPECT_THROW(of(p, normal_rows(2, 59, 2)), Error);
  EXPECT_THROW(of(p, normal_rows(2, 60, 3)), Error);
  EXPECT_THROW(of(p.topRows(39), p.topRows(39)), Error);
  Batch broken = p;
  broken(3, 1) = std::nan("");
  EXPECT_THROW(of(broken, p), Error);
}

TEST_P(EveryMetric, TakesDensitiesWhereItSaysSo) {
  const Batch p = normal_rows(1, 60, 2), q = normal_rows(2, 60, 2);
  const KnownDensities flat{Times::Zero(60), Times::Ones(60), Times::Zero(60), Times::Ones(60)};
  const MetricEntry& entry = metric(GetParam());
  EXPECT_EQ(measure(entry, {.samples = p, .reference = q, .densities = &flat}).value != of(p, q, 0).value,
            entry.takes_densities);
}

std::vector<std::string> metric_names() {
  std::vector<std::string> names;
  for (const MetricEntry& entry : metrics()) names.emplace_back(entry.name);
  return names;
}

INSTANTIATE_TEST_SUITE_P(Metrics, EveryMetric, testing::ValuesIn(metric_names()), [](const auto& info) {
  std::string name = info.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

/// Asserts a value at 5 of its standard errors, with an allowance for its known bias.
void expect_value(const MetricValue& estimate, double truth, double bias = 0) {
  EXPECT_NEAR(estimate.value, truth, 5 * estimate.error + bias) << "standard error " << estimate.error;
}

constexpr double kShift = 0.7, kWidth = 1.5;

TEST(Distances, WassersteinOfGaussiansOnTheLine) {
  const Batch p = normal_rows(1, 1500, 1, kShift, kWidth), q = normal_rows(2, 1500, 1);
  const MetricValue w2 = measure(metric("w2"), {.samples = p, .reference = q});
  expect_value(w2, std::hypot(kShift, kWidth - 1));
  EXPECT_LT(w2.error, 0.06);
  // The transport x -> kShift + kWidth x moves by N(kShift, (kWidth - 1)^2): W1 is the mean of its size.
  const double r = kShift / (kWidth - 1);
  const double w1 =
      (kWidth - 1) * (std::sqrt(2 / std::numbers::pi) * std::exp(-r * r / 2) + r * std::erf(r / std::sqrt(2.0)));
  expect_value(measure(metric("w1"), {.samples = p, .reference = q}), w1);
}

TEST(Distances, SlicedWassersteinOfGaussians) {
  // Along a direction: N(shift . direction, 1) against N(0, 1), W2^2 = (shift . direction)^2, on average |shift|^2 / D.
  // 128 directions give that mean to sqrt(2 / 128) / 2 = 6 % of the root.
  const Index d = 3;
  const Batch p = normal_rows(1, 1000, d, 1), q = normal_rows(2, 1000, d);
  expect_value(measure(metric("w2"), {.samples = p, .reference = q}), 1, 0.12);
}

TEST(Distances, EnergyDistanceOfGaussiansOnTheLine) {
  // E|N(m, s^2)| = s sqrt(2 / pi) exp(-m^2 / 2 s^2) + m erf(m / s sqrt 2).
  const auto mean_size = [](double m, double s) {
    return s * std::sqrt(2 / std::numbers::pi) * std::exp(-m * m / (2 * s * s)) + m * std::erf(m / (s * std::sqrt(2)));
  };
  const double truth =
      2 * mean_size(kShift, std::hypot(1, kWidth)) - mean_size(0, std::sqrt(2)) - mean_size(0, kWidth * std::sqrt(2));
  const Batch p = normal_rows(1, 1000, 1, kShift, kWidth), q = normal_rows(2, 1000, 1);
  const MetricValue energy = measure(metric("energy"), {.samples = p, .reference = q});
  expect_value(energy, truth);
  EXPECT_LT(energy.error, 0.2 * truth);
}

TEST(Distances, MmdOfGaussians) {
  // E exp(-|z|^2 / (2 b)) for z ~ N(m, v I) is (b / (b + v))^(D/2) exp(-|m|^2 / (2 (b + v))). The median of |x - x'|^2
  // between rows of N(0, I) is 2 times that of chi^2 with D = 2 degrees of freedom: 4 log 2.
  const Index d = 2;
  const double median = 4 * std::numbers::ln2;
  const auto mean_kernel = [&](double m, double v) {
    double sum = 0;
    for (const double width : {0.25, 0.5, 1.0, 2.0}) {
      const double b = width * width * median;
      sum += b / (b + v) * std::exp(-d * m * m / (2 * (b + v)));
    }
    return sum / 4;
  };
  const double truth =
      mean_kernel(0, 2) + mean_kernel(0, 2 * kWidth * kWidth) - 2 * mean_kernel(kShift, 1 + kWidth * kWidth);
  const Batch p = normal_rows(1, 1000, d, kShift, kWidth), q = normal_rows(2, 1000, d);
  const MetricValue mmd = measure(metric("mmd"), {.samples = p, .reference = q});
  expect_value(mmd, truth, 0.01 * truth);  // the median is that of 500 rows
  EXPECT_LT(mmd.error, 0.2 * truth);
}

/// KL(N(m, s^2 I) | N(0, I)).
double gaussian_kl(double m, double s, double d) { return d * (0.5 * (m * m + s * s - 1) - std::log(s)); }

TEST(Distances, KlOfGaussiansByNeighbours) {
  const Index d = 2;
  const Batch p = normal_rows(1, 1000, d, kShift, kWidth), q = normal_rows(2, 1000, d);
  const MetricValue reverse = measure(metric("reverse-kl"), {.samples = p, .reference = q});
  expect_value(reverse, gaussian_kl(kShift, kWidth, d), 0.05);
  EXPECT_LT(reverse.error, 0.1);
  // KL(N(0, I) | N(m, s^2 I)) is that of N(-m / s, I / s^2) against N(0, I).
  expect_value(measure(metric("kl"), {.samples = p, .reference = q}), gaussian_kl(-kShift / kWidth, 1 / kWidth, d),
               0.05);
}

double log_normal_density(double x, double m, double s) {
  return -0.5 * std::pow((x - m) / s, 2) - std::log(s) - 0.5 * std::log(2 * std::numbers::pi);
}

KnownDensities densities_of(const Batch& p, const Batch& q) {
  const auto at = [](const Batch& x, double m, double s) {
    Times log_density(x.rows());
    for (Index i = 0; i < x.rows(); ++i) log_density[i] = log_normal_density(x(i, 0), m, s);
    return log_density;
  };
  return {at(p, kShift, kWidth), at(p, 0, 1), at(q, kShift, kWidth), at(q, 0, 1)};
}

/// The integral of p log(p/m) + q log(q/m), halved, by the trapezium rule, which for such functions is exact to
/// rounding.
double quadrature_js() {
  double sum = 0;
  const double h = 0.01;
  for (double x = -30; x < 30; x += h) {
    const double p = std::exp(log_normal_density(x, kShift, kWidth)), q = std::exp(log_normal_density(x, 0, 1));
    const double m = 0.5 * (p + q);
    if (p > 0) sum += 0.5 * h * p * std::log(p / m);
    if (q > 0) sum += 0.5 * h * q * std::log(q / m);
  }
  return sum;
}

TEST(Distances, DivergencesOfGaussiansFromTheirDensities) {
  const Batch p = normal_rows(1, 4000, 1, kShift, kWidth), q = normal_rows(2, 4000, 1);
  const KnownDensities known = densities_of(p, q);
  const TwoSamples pair{.samples = p, .reference = q, .densities = &known};
  expect_value(measure(metric("reverse-kl"), pair), gaussian_kl(kShift, kWidth, 1));
  expect_value(measure(metric("kl"), pair), gaussian_kl(-kShift / kWidth, 1 / kWidth, 1));
  const MetricValue js = measure(metric("js"), pair);
  expect_value(js, quadrature_js());
  EXPECT_LT(js.error, 0.01);
}

TEST(Distances, JensenShannonByNeighboursAndItsCeiling) {
  const Batch p = normal_rows(1, 1000, 1, kShift, kWidth), q = normal_rows(2, 1000, 1);
  expect_value(measure(metric("js"), {.samples = p, .reference = q}), quadrature_js(), 0.02);
  const Batch far = normal_rows(3, 300, 2, 100), here = normal_rows(4, 300, 2);
  EXPECT_NEAR(measure(metric("js"), {.samples = far, .reference = here}).value, std::numbers::ln2, 0.01);
  Batch repeated = here;
  for (Index i = 0; i < 10; ++i) repeated.row(i) = here.row(0);
  EXPECT_TRUE(std::isnan(measure(metric("kl"), {.samples = here, .reference = repeated}).value));
}

TEST(Distances, SinkhornOfGaussians) {
  // Janati et al. (2020), theorem 1 and corollary, one dimension, epsilon = 2 s^2: with
  // D(a, b) = sqrt(4 a b + s^4) on variances, OT = (m)^2 + a + b - D + s^2 (1 - log 2 s^2) + s^2 log(D + s^2).
  const double epsilon = 0.5, s2 = epsilon / 2;
  const auto cost = [&](double m, double a, double b) {
    const double root = std::sqrt(4 * a * b + s2 * s2);
    return m * m + a + b - root + s2 * std::log(root + s2);
  };
  const double a = kWidth * kWidth;
  const double truth = cost(kShift, a, 1) - 0.5 * (cost(0, a, a) + cost(0, 1, 1));
  double sum = 0, squares = 0;
  const int repetitions = 8;
  for (int k = 0; k < repetitions; ++k) {
    const Batch p = normal_rows(10 + static_cast<std::uint64_t>(k), 200, 1, kShift, kWidth),
                q = normal_rows(30 + static_cast<std::uint64_t>(k), 200, 1);
    const double value = sinkhorn_divergence(p, q, epsilon);
    sum += value, squares += value * value;
  }
  const double mean = sum / repetitions;
  const double error = std::sqrt((squares / repetitions - mean * mean) / (repetitions - 1));
  EXPECT_NEAR(mean, truth, 5 * error);
  EXPECT_LT(error, 0.15 * truth);
  const Batch x = normal_rows(1, 100, 2);
  EXPECT_NEAR(sinkhorn_divergence(x, x, 0.1), 0, 1e-6);
  EXPECT_NEAR(sinkhorn_divergence(x + 1, x, 0.1), 2, 1e-6);  // a shift costs its square, whatever epsilon
}

TEST(Distances, ClassifiersReachTheBestAccuracyThereIs) {
  // N(-m, 1) against N(m, 1) in one of two columns: at best Phi(m).
  Batch p = normal_rows(1, 1000, 2), q = normal_rows(2, 1000, 2);
  p.col(0) += 0.8;
  q.col(0) -= 0.8;
  const double best = 0.5 * std::erfc(-0.8 / std::sqrt(2.0));
  for (const char* name : {"c2st", "c2st-knn"}) {
    const MetricValue accuracy = measure(metric(name), {.samples = p, .reference = q});
    EXPECT_NEAR(accuracy.value, best, 5 * accuracy.error) << name;
    EXPECT_NEAR(accuracy.error, std::sqrt(best * (1 - best) / 2000), 1e-3) << name;
  }
}

TEST(Distances, PValuesOfEqualLawsAreUniform) {
  // 100 pairs of 40 rows: each decile of p-values has 10 +- 3 of them; the smallest and the mean are held.
  for (const char* name : {"energy", "c2st-knn"}) {
    double sum = 0;
    int small = 0;
    for (std::uint64_t k = 0; k < 100; ++k) {
      const Batch p = normal_rows(100 + 2 * k, 40, 1), q = normal_rows(101 + 2 * k, 40, 1);
      const double p_value = measure(metric(name), {.samples = p, .reference = q, .seed = k}).p_value;
      sum += p_value;
      small += p_value <= 0.1;
    }
    EXPECT_NEAR(sum / 100, 0.5, 5 * 0.029) << name;  // sqrt(1 / 12 / 100)
    EXPECT_NEAR(small, 10, 5 * 3) << name;
  }
}

}  // namespace
}  // namespace scoresde
