#include "core/brownian.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "core/error.h"

namespace scoresde {
namespace {

std::vector<std::uint64_t> brownian_ids(std::uint64_t count) {
  std::vector<std::uint64_t> result;
  for (std::uint64_t i = 0; i < count; ++i) result.push_back(i);
  return result;
}

double value_at(const BrownianTree& tree, std::uint32_t place, Index row = 0) {
  double value;
  tree.value(row, place, {&value, 1});
  return value;
}

TEST(Brownian, IncrementsHaveTheVarianceOfTheirClockAndNoCorrelation) {
  // Five intervals over eight decades, 8000 paths: relative standard error of a variance 0.0158, of a correlation
  // 0.0112.
  constexpr Index paths = 8000;
  const CounterNoise noise(3, brownian_ids(paths), 1);
  const BrownianTree tree(noise, 1e-4, 1e4);
  const std::vector<double> readings = {1e-4, 3e-4, 0.02, 1.7, 900, 1e4};
  std::vector<std::uint32_t> places;
  for (const double reading : readings) places.push_back(tree.place(reading));
  Batch increments(paths, 5);
  for (Index row = 0; row < paths; ++row)
    for (Index k = 0; k < 5; ++k) {
      const auto at = static_cast<std::size_t>(k);
      increments(row, k) = (value_at(tree, places[at + 1], row) - value_at(tree, places[at], row)) /
                           std::sqrt(tree.clock(places[at + 1]) - tree.clock(places[at]));
    }
  for (Index j = 0; j < 5; ++j)
    for (Index k = 0; k <= j; ++k)
      EXPECT_NEAR((increments.col(j) * increments.col(k)).mean(), j == k ? 1 : 0, 5 * (j == k ? 0.0158 : 0.0112))
          << j << ", " << k;
}

TEST(Brownian, ThePathIsTheSameInWhateverOrderItIsAsked) {
  const CounterNoise noise(3, {17, 4}, 1), other(3, {4}, 1);
  const BrownianTree tree(noise, 0.5, 2), alone(other, 0.5, 2);
  const std::uint32_t places[] = {0, 1, 77, 123456789, BrownianTree::kPlaces / 2, BrownianTree::kPlaces};
  std::vector<double> rising;
  for (const std::uint32_t place : places) rising.push_back(value_at(tree, place, 1));
  for (int k = 5; k >= 0; --k) EXPECT_EQ(value_at(alone, places[k]), rising[static_cast<std::size_t>(k)]);
  EXPECT_EQ(rising[0], 0);
  for (const std::uint32_t place : places) EXPECT_EQ(tree.place(tree.clock(place)), place);
  EXPECT_EQ(tree.place(0.1), 0u);
  EXPECT_EQ(tree.place(3), BrownianTree::kPlaces);
  EXPECT_LT(std::abs(value_at(tree, 77, 1)), 1e-2) << "a path starts at 0 and is continuous";
  EXPECT_THROW(BrownianTree(noise, 0, 1), Error);
  EXPECT_THROW(BrownianTree(noise, 2, 1), Error);
}

TEST(Brownian, NoiseOfAnIntervalIsThatOfItsParts) {
  const CounterNoise noise(5, {0, 8}, 3);
  const auto clock = [](double t) { return std::exp(-t); };
  const BrownianNoise path(noise, clock, 4, 0);
  const std::vector<double> times = {3.5, 3.2, 2.9, 1.1, 0.4};
  Batch sum = Batch::Zero(2, 3);
  for (std::uint32_t k = 0; k < 4; ++k)
    sum +=
        path.normal(Purpose::diffusion, {times[k], times[k + 1], k}) * std::sqrt(clock(times[k + 1]) - clock(times[k]));
  const Batch whole = path.normal(Purpose::diffusion, {3.5, 0.4, 99}) * std::sqrt(clock(0.4) - clock(3.5));
  EXPECT_LT((sum - whole).abs().maxCoeff(), 1e-7) << "places are resolved to 1e-8 of the clock";
  EXPECT_TRUE((path.normal(Purpose::prior, {4, 4, 0}) == noise.normal(Purpose::prior, {4, 4, 0})).all());
  EXPECT_THROW(path.normal(Purpose::diffusion, {1, 1 - 1e-12, 0}), Error);
}

/// Has normal() only.
class WholeNoise : public NoiseSource {
 public:
  explicit WholeNoise(const CounterNoise& noise) : noise_(noise) {}
  Batch normal(Purpose purpose, const Interval& interval, std::uint32_t draw) const override {
    return noise_.normal(purpose, interval, draw);
  }

 private:
  const CounterNoise& noise_;
};

TEST(Brownian, ARowAloneIsTheRowOfTheWhole) {
  const CounterNoise noise(5, {3, 8, 1}, 6);
  const Batch all = noise.normal(Purpose::churn, {1, 0.5, 7}, 2);
  const WholeNoise whole(noise);
  for (const NoiseSource* source : std::initializer_list<const NoiseSource*>{&noise, &whole}) {
    std::vector<double> row(6);
    source->normal_row(Purpose::churn, 7, 2, 1, row);
    for (Index j = 0; j < 6; ++j) EXPECT_EQ(row[static_cast<std::size_t>(j)], all(1, j));
  }
}

}  // namespace
}  // namespace scoresde
