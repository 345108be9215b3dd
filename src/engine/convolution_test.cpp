#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "core/noise.h"
#include "engine/kernel.h"

namespace scoresde {
namespace {

constexpr Size in = 32, out = 48;  // a strip of outputs, and half of one

struct Case {
  Size height, width, samples, parts;
  bool adds = false;  // the output is its own residual, as where gradients add up
};

std::vector<float> normals(Size count, std::uint64_t stream) {
  std::vector<float> values(static_cast<std::size_t>(count));
  fill_normal({.seed = 1, .purpose = Purpose::test, .sample = stream}, values);
  return values;
}

// A 3x3 convolution of `maps` (samples, height, width, in), as the sum that it is.
double direct_sum(const Case& c, const std::vector<float>& maps, const std::vector<float>& weight, Size sample,
                  Size row, Size column, Size n) {
  double sum = 0;
  for (Size tap = 0; tap < 9; ++tap) {
    const Size i = row + tap / 3 - 1, j = column + tap % 3 - 1;
    if (i < 0 || j < 0 || i >= c.height || j >= c.width) continue;
    for (Size k = 0; k < in; ++k)
      sum += double{maps[static_cast<std::size_t>(((sample * c.height + i) * c.width + j) * in + k)]} *
             double{weight[static_cast<std::size_t>((n * in + k) * 9 + tap)]};
  }
  return sum;
}

using Maker = decltype(&make_conv);

void expect_convolution(Maker make, const Case& c, const char* method) {
  const Size pixels = c.height * c.width;
  const std::vector<float> weight = normals(in * out * 9, 1), bias = normals(out, 2);
  const std::vector<float> x = normals(c.samples * pixels * in, 3), before = normals(c.samples * pixels * out, 4);
  const Place from{.stride = in, .rows = pixels, .channels = in};
  const Place to{.buffer = pixels * in, .stride = out, .rows = pixels, .channels = out};
  const KernelPtr kernel = make({c.height, c.width, c.height, c.width, 3, 1, 1, 1}, weight.data(), bias.data(), from,
                                to, {.residual = c.adds ? &to : nullptr});
  AlignedFloats memory(c.samples * pixels * (in + out)), shared, scratch(kernel->scratch(c.samples));
  std::copy(x.begin(), x.end(), memory.data());
  std::copy(before.begin(), before.end(), memory.data() + x.size());
  for (Size part = 0; part < c.parts; ++part)
    kernel->run({memory.data(), shared.data(), scratch.data(), c.samples, part, c.parts});
  const float* y = memory.data() + x.size();
  const float* residual = before.data();
  for (Size sample = 0; sample < c.samples; ++sample)
    for (Size row = 0; row < c.height; ++row)
      for (Size column = 0; column < c.width; ++column)
        for (Size n = 0; n < out; ++n, ++y, ++residual) {
          const double wanted = direct_sum(c, x, weight, sample, row, column, n) +
                                double{bias[static_cast<std::size_t>(n)]} + (c.adds ? double{*residual} : 0);
          // Sums of 288 products of normal numbers are some 17 in size; Winograd's error is 1e-6 of that in the mean.
          ASSERT_NEAR(double{*y}, wanted, 17e-5) << method << " " << c.height << "x" << c.width << ", sample " << sample
                                                 << " (" << row << ", " << column << ") output " << n;
        }
}

void expect_both(const Case& c) {
  expect_convolution(make_conv, c, "direct");
  expect_convolution(make_winograd, c, "Winograd's");
}

TEST(Convolution, OfEverySizeOfLastTileIsTheSum) {
  for (Size height = 5; height <= 8; ++height)
    for (Size width = 5; width <= 8; ++width) expect_both({height, width, 2, 1});
}

TEST(Convolution, OfManySamplesByOneOrTwoIsTheSum) {
  for (const Size samples : {1, 3, 7})
    for (const Size parts : {1, 2, 3}) expect_both({10, 14, samples, parts});
}

TEST(Convolution, MayAddToItsOwnOutput) {
  for (const Size parts : {1, 2}) expect_both({6, 9, 3, parts, true});
}

TEST(Convolution, SmallerThanATileIsTheSum) {
  for (Size size = 1; size <= 4; ++size) expect_both({size, 5 - size, 2, 1});
}

}  // namespace
}  // namespace scoresde
