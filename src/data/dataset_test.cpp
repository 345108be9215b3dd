#include "data/dataset.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "data/named_sets.h"

namespace scoresde {
namespace {

TEST(Dataset, ToysFollowTheirLawInModelUnits) {
  for (const NamedSet& named : named_sets()) {
    if (std::string_view(named.name) == "fashion-mnist" || named.name == "digits") continue;
    const Dataset set = load_dataset(named.name);
    ASSERT_EQ(set.count, 10000u) << named.name;
    double sum[2] = {}, squares[2] = {}, fourth[2] = {};
    for (std::size_t i = 0; i < set.count; ++i) {
      float x[2];
      set.item(i, x);
      for (const int k : {0, 1}) sum[k] += x[k], squares[k] += x[k] * x[k], fourth[k] += std::pow(x[k], 4);
    }
    const auto n = static_cast<double>(set.count);
    for (const int k : {0, 1}) {
      const double second = squares[k] / n;
      EXPECT_NEAR(sum[k] / n, 0, 5 / std::sqrt(n)) << named.name;  // standard error of the mean: 1 / sqrt(n)
      EXPECT_NEAR(second, 1, 5 * std::sqrt((fourth[k] / n - second * second) / n)) << named.name;
    }
    EXPECT_EQ(set.labels.empty(), set.classes() == 0);
  }
}

TEST(Dataset, ToyPointIsAFunctionOfSeedAndIndex) {
  const Dataset all = load_dataset("moons"), few = load_dataset("moons", {.most = 7});
  ASSERT_EQ(few.count, 7u);
  EXPECT_TRUE(std::equal(few.values.begin(), few.values.end(), all.values.begin()));
  EXPECT_NE(load_dataset("moons", {.seed = 1}).values, all.values);
  EXPECT_NE(load_dataset("moons#test").values, all.values);
}

TEST(Dataset, DigitsAreShippedAndSpread) {
  const Dataset set = load_dataset("digits");
  EXPECT_EQ(set.count, 1797u);
  EXPECT_EQ(set.shape, (ItemShape{1, 8, 8, true}));
  EXPECT_EQ(set.classes(), 10);
  EXPECT_EQ(*std::max_element(set.pixels.begin(), set.pixels.end()), 255);
  float x[64];
  set.item(0, x);
  EXPECT_EQ(x[0], -1.0f);
  EXPECT_THROW(load_dataset("digits#test"), Error);
}

TEST(Dataset, FashionMnist) {
  if (!fs::exists("/usr/share/datasets/fashion-mnist")) GTEST_SKIP() << "dataset-fashion-mnist is not installed";
  const Dataset train = load_dataset("fashion-mnist", {.most = 100}), test = load_dataset("fashion-mnist#test");
  EXPECT_EQ(train.count, 100u);
  EXPECT_EQ(test.count, 10000u);
  EXPECT_EQ(test.shape, (ItemShape{1, 28, 28, true}));
  EXPECT_EQ(train.class_names[static_cast<std::size_t>(train.labels[0])], "Ankle boot");
  EXPECT_TRUE(train.has_split);
}

TEST(Dataset, UnknownNamesAreExplained) {
  try {
    load_dataset("mons");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.failure(), Failure::data);
    EXPECT_NE(std::string(error.what()).find("did you mean 'moons'"), std::string::npos) << error.what();
  }
  EXPECT_THROW(load_dataset("moons#validation"), Error);
  EXPECT_THROW(load_dataset(std::string(10000, 'x')), Error);
}

}  // namespace
}  // namespace scoresde
