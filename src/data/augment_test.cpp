#include "data/augment.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <set>

#include "core/noise.h"
#include "data/statistics.h"

namespace scoresde {
namespace {

TEST(Augment, DequantisationStaysInsideItsCellAndIsUniform) {
  const Dataset set = load_dataset("digits");
  double sum = 0, squares = 0;
  std::size_t n = 0;
  for (std::size_t i = 0; i < 100; ++i) {
    float x[64];
    fill_item(set, i, {.seed = 5, .dequantise = true}, 1000 + i, x);
    for (std::size_t j = 0; j < 64; ++j, ++n) {
      const double u = (x[j] + 1.0) * 128 - set.image(i)[j];
      ASSERT_GE(u, -1e-4);  // float32 at 1: 2^-24 * 128
      ASSERT_LE(u, 1 + 1e-4);
      sum += u, squares += u * u;
    }
  }
  const double count = static_cast<double>(n);
  EXPECT_NEAR(sum / count, 0.5, 5 * std::sqrt(1 / 12.0 / count));
  EXPECT_NEAR(squares / count, 1 / 3.0, 5 * std::sqrt(4 / 45.0 / count));
}

TEST(Augment, IsAFunctionOfTheSampleNumber) {
  const Dataset set = load_dataset("digits");
  const Augment both{.seed = 9, .dequantise = true, .flip = true};
  float a[64], b[64];
  fill_item(set, 3, both, 77, a);
  fill_item(set, 4, both, 78, b);
  fill_item(set, 3, both, 77, b);
  EXPECT_TRUE(std::equal(a, a + 64, b));
  fill_item(set, 3, both, 78, b);
  EXPECT_FALSE(std::equal(a, a + 64, b));
}

TEST(Augment, FlipsHalfOfTheSamplesLeftToRight) {
  const Dataset set = load_dataset("digits");
  float plain[64], x[64];
  set.item(0, plain);
  int flipped = 0;
  constexpr int kSamples = 2000;
  for (int k = 0; k < kSamples; ++k) {
    fill_item(set, 0, {.seed = 2, .flip = true}, static_cast<std::uint64_t>(k), x);
    if (std::equal(plain, plain + 64, x)) continue;
    ++flipped;
    for (int j = 0; j < 64; ++j) ASSERT_EQ(x[j], plain[j / 8 * 8 + 7 - j % 8]);
  }
  EXPECT_NEAR(flipped, kSamples / 2, 5 * std::sqrt(kSamples / 4.0));
}

TEST(Augment, HoldsOutItemsThatAreNotTrainedOn) {
  const TrainingData digits = load_training_data("digits", {}, 4);
  EXPECT_EQ(digits.validation_items.size(), 89u);
  std::set<std::uint32_t> all(digits.train_items.begin(), digits.train_items.end());
  all.insert(digits.validation_items.begin(), digits.validation_items.end());
  EXPECT_EQ(all.size(), 1797u);
  EXPECT_EQ(digits.train_items.size() + digits.validation_items.size(), 1797u);
  EXPECT_EQ(&digits.validation(), &digits.train);
  EXPECT_NE(load_training_data("digits", {}, 5).validation_items, digits.validation_items);
  const TrainingData moons = load_training_data("moons", {.most = 3000}, 4);
  EXPECT_EQ(moons.train_items.size(), 3000u);
  EXPECT_EQ(moons.validation_items.size(), 1000u);
  EXPECT_EQ(&moons.validation(), &moons.test);
  EXPECT_EQ(moons.test.column_std, moons.train.column_std);
  const TrainingData one = load_training_data("digits", {.most = 1}, 4);
  EXPECT_EQ(one.train_items.size(), 1u);
  EXPECT_TRUE(one.validation_items.empty());
}

double brute_force_distance(const Dataset& set) {
  std::vector<float> x(static_cast<std::size_t>(set.shape.size())), y(x.size());
  double largest = 0;
  for (std::size_t i = 0; i < set.count; ++i)
    for (std::size_t j = 0; j < i; ++j) {
      set.item(i, x.data());
      set.item(j, y.data());
      double sum = 0;
      for (std::size_t k = 0; k < x.size(); ++k) sum += std::pow(double{x[k]} - y[k], 2);
      largest = std::max(largest, std::sqrt(sum));
    }
  return largest;
}

TEST(Statistics, LargestDistanceIsTheBruteForceOne) {
  for (const char* name : {"digits", "moons", "pinwheel", "checkerboard"})
    for (const std::size_t most : {2, 37, 300, 600}) {
      const Dataset set = load_dataset(name, {.most = most});
      const double largest = brute_force_distance(set);
      const LargestDistance exact = largest_distance(set);
      EXPECT_NEAR(exact.distance, largest, 1e-6 * largest) << name << ", " << most;
      EXPECT_TRUE(exact.exact);
      EXPECT_EQ(exact.items, most);
      const LargestDistance bound = largest_distance(set, 1, most / 2);
      EXPECT_FALSE(bound.exact);
      EXPECT_LE(bound.distance, exact.distance);
      EXPECT_GE(bound.distance, most > 2 ? 0.9 * exact.distance : 0.0) << name << ", " << most;
    }
  Dataset bright = load_dataset("digits", {.most = 300});  // far from the origin: long vectors are not far apart
  for (std::uint8_t& u : bright.pixels) u = static_cast<std::uint8_t>(200 + u / 5);
  EXPECT_NEAR(largest_distance(bright).distance, brute_force_distance(bright), 1e-6);
}

TEST(Statistics, MeasureCountsAndRanges) {
  const Dataset digits = load_dataset("digits");
  const Statistics s = measure(digits);
  EXPECT_EQ(std::accumulate(s.class_counts.begin(), s.class_counts.end(), std::size_t{0}), 1797u);
  EXPECT_EQ(s.low, -1);
  EXPECT_EQ(s.high, 1);
  EXPECT_EQ(s.stored_high, 255);
  EXPECT_EQ(s.duplicates, 0u);
  EXPECT_FALSE(s.distance_is_estimate);
  double sum = 0;
  for (const std::uint8_t u : digits.pixels) sum += u / 127.5 - 1;
  EXPECT_NEAR(s.mean, sum / static_cast<double>(digits.pixels.size()), 1e-6);
}

}  // namespace
}  // namespace scoresde
