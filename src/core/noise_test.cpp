#include "core/noise.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <map>
#include <numbers>

#include "core/error.h"
#include "core/philox.h"
#include "core/sum.h"

namespace scoresde {
namespace {

std::vector<double> normals(const NoiseAddress& address, std::size_t n) {
  std::vector<double> z(n);
  fill_normal(address, z);
  return z;
}

double mean_of(const std::vector<double>& values, auto&& function) {
  std::vector<double> terms;
  terms.reserve(values.size());
  for (double v : values) terms.push_back(function(v));
  return ordered_sum(terms.data(), terms.size()) / static_cast<double>(terms.size());
}

// Also the definition of the stream in plain words: the address layout and Box-Muller with the C library's functions in
// long double. Files made with a seed depend on it.
TEST(Noise, IsBoxMullerOnPhilox) {
  const NoiseAddress address{
      .seed = 0x123456789abcdef0, .purpose = Purpose::churn, .sample = 0xAB'89ABCDEF, .step = 77, .draw = 0x4321};
  const std::size_t n = 400'000;
  const auto z = normals(address, n);
  long double worst = 0;
  for (std::uint32_t block = 0; block < n / 4; ++block) {
    const auto bits = philox({block, 0x89ABCDEF, 77, 13u | 0x4321u << 8 | 0xABu << 24}, {0x9abcdef0, 0x12345678});
    for (std::size_t pair = 0; pair < 2; ++pair) {
      const long double u = (bits[2 * pair] + 0.5L) / 4294967296.0L;
      const long double radius = std::sqrt(-2 * std::log(u));
      const long double angle = 2 * std::numbers::pi_v<long double> * (bits[2 * pair + 1] / 4294967296.0L);
      const double* ours = &z[4 * block + 2 * pair];
      worst =
          std::max({worst, std::abs(ours[0] / radius - std::cos(angle)), std::abs(ours[1] / radius - std::sin(angle))});
    }
  }
  EXPECT_LT(worst, 8e-16);  // 3.5 ulp of 1; a Taylor term fewer makes 1.2e-15
}

TEST(Noise, BitsAreTheSameEverywhere) {
  const auto z = normals({.seed = 1, .purpose = Purpose::prior, .sample = 2, .step = 3}, 4);
  const double expected[] = {0x1.9b6d3a982e51ap-1, 0x1.7bcc86fa272f9p-1, -0x1.c38a130d06f82p-1, 0x1.449f67d15cd68p-3};
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(z[i], expected[i]) << std::hexfloat << z[i];
}

// A block alone is computed one number at a time, a long stream by vectors.
TEST(Noise, VectorsGiveTheBitsOfSingleBlocks) {
  const NoiseAddress address{.seed = 3, .sample = 5};
  const auto z = normals(address, 100'003);
  for (std::size_t j = 0; j < z.size(); j += 4) {
    std::array<double, 4> block;
    fill_normal(address, block, j);
    for (std::size_t k = 0; k < 4 && j + k < z.size(); ++k) ASSERT_EQ(z[j + k], block[k]) << j + k;
  }
  std::vector<float> single(z.size());
  fill_normal(address, single);
  for (std::size_t j = 0; j < z.size(); ++j) ASSERT_EQ(single[j], static_cast<float>(z[j])) << j;
}

TEST(Noise, UniformNumbersAreTheMiddlesOfTheirCells) {
  std::vector<double> u(10'001);
  fill_uniform({.seed = 3, .sample = 5}, u);
  for (std::uint32_t j = 0; j < u.size(); ++j) {
    const auto bits = philox({j / 2, 5, 0, static_cast<std::uint32_t>(Purpose::test)}, {3, 0});
    const std::uint64_t cell = (std::uint64_t{bits[j % 2 * 2]} << 32 | bits[j % 2 * 2 + 1]) >> 12;
    ASSERT_EQ(u[j], (static_cast<double>(cell) + 0.5) * 0x1p-52) << j;
  }
}

TEST(Noise, MomentsAreThoseOfANormal) {
  const std::size_t n = 1'000'000;
  const auto z = normals({.seed = 7}, n);
  const double root = std::sqrt(static_cast<double>(n));
  const double mean = mean_of(z, [](double v) { return v; });
  EXPECT_NEAR(mean, 0, 5 / root);                                                              // s.e. 1 / sqrt(n)
  EXPECT_NEAR(mean_of(z, [](double v) { return v * v; }), 1, 5 * std::sqrt(2.0) / root);       // Var z^2 = 2
  EXPECT_NEAR(mean_of(z, [](double v) { return v * v * v; }), 0, 5 * std::sqrt(15.0) / root);  // Var z^3 = 15
  EXPECT_NEAR(mean_of(z, [](double v) { return v * v * v * v; }), 3, 5 * std::sqrt(96.0) / root);
  const double tail = 6.334248e-5;  // P(|z| > 4)
  EXPECT_NEAR(mean_of(z, [](double v) { return std::abs(v) > 4 ? 1.0 : 0.0; }), tail, 5 * std::sqrt(tail) / root);
}

TEST(Noise, StreamsAreIndependent) {
  const std::size_t n = 200'000;
  const NoiseAddress base{.seed = 5, .purpose = Purpose::diffusion, .sample = 10, .step = 20, .draw = 1};
  const auto z = normals(base, n);
  std::vector<NoiseAddress> others(5, base);
  others[0].seed = 6;
  others[1].purpose = Purpose::corrector;
  others[2].sample = 11;
  others[3].step = 21;
  others[4].draw = 2;
  for (const NoiseAddress& other : others) {
    const auto w = normals(other, n);
    EXPECT_NE(z[0], w[0]);
    const double scale = static_cast<double>(n), standard_error = 1 / std::sqrt(scale);
    EXPECT_NEAR(ordered_dot(z.data(), w.data(), n) / scale, 0, 5 * standard_error);
    std::vector<double> z2(n), w2(n);  // and so are their sizes; Var(z^2 - 1)(w^2 - 1) = 4
    for (std::size_t i = 0; i < n; ++i) z2[i] = z[i] * z[i] - 1, w2[i] = w[i] * w[i] - 1;
    EXPECT_NEAR(ordered_dot(z2.data(), w2.data(), n) / scale, 0, 5 * 2 * standard_error);
  }
  for (std::size_t lag = 1; lag <= 8; ++lag) {
    const std::size_t m = n - lag;
    EXPECT_NEAR(ordered_dot(z.data(), z.data() + lag, m) / static_cast<double>(m), 0, 5 / std::sqrt(m)) << lag;
  }
}

TEST(Noise, FloatsAreTheDoublesRounded) {
  const NoiseAddress address{.seed = 9};
  const auto z = normals(address, 1003);
  std::vector<float> f(1003);
  fill_normal(address, f);
  for (std::size_t i = 0; i < z.size(); ++i) EXPECT_EQ(f[i], static_cast<float>(z[i]));
}

TEST(Noise, APartOfAStreamIsThatPart) {
  const NoiseAddress address{.seed = 9};
  const auto z = normals(address, 100);
  std::vector<double> part(37);
  fill_normal(address, part, 12);
  for (std::size_t i = 0; i < part.size(); ++i) EXPECT_EQ(part[i], z[i + 12]);
  EXPECT_THROW(fill_normal(address, part, 13), Error);
}

TEST(Noise, AddressesOutOfRangeAreRefused) {
  std::vector<double> z(4);
  EXPECT_THROW(fill_normal({.sample = std::uint64_t{1} << 40}, z), Error);
  EXPECT_THROW(fill_normal({.draw = 1u << 16}, z), Error);
  EXPECT_NO_THROW(fill_normal({.sample = (std::uint64_t{1} << 40) - 1, .draw = (1u << 16) - 1}, z));
}

TEST(Noise, UniformsFillTheOpenInterval) {
  const std::size_t n = 500'000;
  std::vector<double> u(n);
  fill_uniform({.seed = 3, .purpose = Purpose::time}, u);
  const double root = std::sqrt(static_cast<double>(n));
  EXPECT_NEAR(mean_of(u, [](double v) { return v; }), 0.5, 5 * std::sqrt(1 / 12.0) / root);
  EXPECT_NEAR(mean_of(u, [](double v) { return v * v; }), 1 / 3.0, 5 * std::sqrt(4 / 45.0) / root);
  double chi = 0;
  std::vector<int> bins(100);
  for (double v : u) {
    ASSERT_GT(v, 0);
    ASSERT_LT(v, 1);
    ++bins[static_cast<std::size_t>(v * 100)];
  }
  for (int count : bins) chi += (count - 5000.0) * (count - 5000.0) / 5000;
  EXPECT_NEAR(chi, 99, 5 * std::sqrt(2 * 99.0));  // chi squared of 99 degrees of freedom
  EXPECT_EQ(uniform({.seed = 3, .purpose = Purpose::time}), u[0]);
}

TEST(Noise, PermutationsAreUniform) {
  std::map<std::vector<std::uint32_t>, int> seen;
  const int draws = 60'000;
  for (int step = 0; step < draws; ++step)
    ++seen[permutation(1, Purpose::data_order, static_cast<std::uint32_t>(step), 5)];
  EXPECT_EQ(seen.size(), 120u);
  double chi = 0;
  for (const auto& [order, count] : seen) chi += (count - draws / 120.0) * (count - draws / 120.0) / (draws / 120.0);
  EXPECT_NEAR(chi, 119, 5 * std::sqrt(2 * 119.0));
  auto order = permutation(1, Purpose::data_order, 0, 1000);
  EXPECT_NE(order, permutation(2, Purpose::data_order, 0, 1000));
  std::sort(order.begin(), order.end());
  for (std::uint32_t i = 0; i < 1000; ++i) EXPECT_EQ(order[i], i);
  EXPECT_TRUE(permutation(1, Purpose::data_order, 0, 0).empty());
}

TEST(CounterNoise, SampleKIsTheSameInAnyBatch) {
  const Interval interval{1, 0.9, 4};
  const CounterNoise all(11, {0, 1, 2, 3, 4, 5}, 7);
  const Batch z = all.normal(Purpose::diffusion, interval, 2);
  const CounterNoise some(11, {4, 1}, 7);
  const Batch w = some.normal(Purpose::diffusion, interval, 2);
  EXPECT_TRUE((w.row(0) == z.row(4)).all());
  EXPECT_TRUE((w.row(1) == z.row(1)).all());
  EXPECT_FALSE((all.normal(Purpose::diffusion, {0.9, 0.8, 5}, 2) == z).any());
  EXPECT_FALSE((all.normal(Purpose::diffusion, interval, 3) == z).any());
}

TEST(Sum, HasAnOrderOfItsOwnAndFewRoundingErrors) {
  // The same values at every alignment of memory.
  std::vector<double> padded(1000 + 8);
  const auto z = normals({.seed = 1}, 1000);
  for (std::size_t shift = 0; shift < 8; ++shift) {
    std::copy(z.begin(), z.end(), padded.begin() + static_cast<std::ptrdiff_t>(shift));
    EXPECT_EQ(ordered_sum(padded.data() + shift, 1000), ordered_sum(z.data(), 1000));
    EXPECT_EQ(ordered_dot(padded.data() + shift, padded.data() + shift, 1000), ordered_dot(z.data(), z.data(), 1000));
  }
  // 10^6 times 0.1: a running sum is off by 1.3e-6, this by far less.
  const std::vector<double> tenths(1'000'000, 0.1);
  EXPECT_NEAR(ordered_sum(tenths.data(), tenths.size()), 1e5, 1e-9);
  EXPECT_EQ(ordered_sum(nullptr, 0), 0);
}

TEST(Sum, RowsAreIndependent) {
  const CounterNoise noise(3, {0, 1, 2, 3, 4}, 131);
  const Batch x = noise.normal(Purpose::test, {1, 0, 0}), y = noise.normal(Purpose::test, {1, 0, 1});
  for (Index i = 0; i < 5; ++i) {
    const Batch a = x.row(i), b = y.row(i);
    EXPECT_EQ(row_sum(a)[0], row_sum(x)[i]);
    EXPECT_EQ(row_dot(a, b)[0], row_dot(x, y)[i]);
    EXPECT_EQ(row_norm(a)[0], row_norm(x)[i]);
    EXPECT_EQ(row_mean(a)[0], row_mean(x)[i]);
    EXPECT_NEAR(row_norm(x)[i], x.row(i).matrix().norm(), 1e-13);
  }
  EXPECT_THROW(row_dot(x, y.leftCols(3)), Error);
}

}  // namespace
}  // namespace scoresde
