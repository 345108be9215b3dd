#include "engine/simd_mask.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace scoresde {
namespace {

using simd::Size;

TEST(SimdMask, IsTheStreamsWordsOnEveryKindOfVectors) {
  const PhiloxStream stream =
      philox_stream({.seed = 5, .purpose = Purpose::dropout, .sample = 1ull << 33, .step = 2, .draw = 77});
  for (const double rate : {0.0, 0.1, 0.5, 0.99}) {
    std::vector<float> expected(1003);
    for (std::size_t j = 0; j < expected.size(); ++j)
      expected[j] = stream.block(j / 4)[j % 4] < rate * 0x1p32 ? 0.0f : static_cast<float>(1 / (1 - rate));
    for (const Size n : {1, 31, 64, 1003}) {
      do {
        std::vector<float> mask(static_cast<std::size_t>(n));
        simd::dropout_mask(stream, rate, mask.data(), n);
        EXPECT_TRUE(std::equal(mask.begin(), mask.end(), expected.begin())) << rate << ", " << n;
      } while (simd::use_narrower_vectors());
    }
  }
}

// The number kept is binomial; addresses of one sample and of the next are different streams.
TEST(SimdMask, KeepsTheShareItShould) {
  constexpr Size n = 100000;
  constexpr double rate = 0.1;
  std::vector<float> mask(n), other(n);
  for (const auto& [sample, out] : {std::pair{1u, &mask}, std::pair{2u, &other}})
    simd::dropout_mask(philox_stream({.purpose = Purpose::dropout, .sample = sample}), rate, out->data(), n);
  const auto dropped = static_cast<double>(std::count(mask.begin(), mask.end(), 0.0f));
  EXPECT_NEAR(dropped, rate * n, 5 * std::sqrt(n * rate * (1 - rate)));
  int both = 0;
  for (std::size_t j = 0; j < mask.size(); ++j) both += mask[j] == 0 && other[j] == 0;
  EXPECT_NEAR(both, rate * rate * n, 5 * std::sqrt(n * rate * rate));
}

}  // namespace
}  // namespace scoresde
