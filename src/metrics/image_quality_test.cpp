#include "metrics/image_quality.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "core/noise.h"

namespace scoresde {
namespace {

// 32 x 32 of uniform numbers in [0, 1] and itself with noise, and the values scikit-image 0.19 defines: computed here
// by the definition, window by window, in place of the separable sums of the code.
Batch test_picture(std::uint64_t sample, int side) {
  Batch x(1, side * side);
  fill_uniform({.purpose = Purpose::test, .sample = sample}, std::span(x.data(), static_cast<std::size_t>(x.size())));
  return x;
}

double slow_ssim(const Batch& x, const Batch& y, int side, double range) {
  const double c1 = 1e-4 * range * range, c2 = 9e-4 * range * range;
  double sum = 0, norm = 0;
  for (int a = -5; a <= 5; ++a)
    for (int b = -5; b <= 5; ++b) norm += std::exp(-(a * a + b * b) / 4.5);
  int places = 0;
  for (int i = 5; i + 5 < side; ++i)
    for (int j = 5; j + 5 < side; ++j, ++places) {
      double mx = 0, my = 0, xx = 0, yy = 0, xy = 0;
      for (int a = -5; a <= 5; ++a)
        for (int b = -5; b <= 5; ++b) {
          const double w = std::exp(-(a * a + b * b) / 4.5) / norm;
          const double u = x(0, (i + a) * side + j + b), v = y(0, (i + a) * side + j + b);
          mx += w * u, my += w * v, xx += w * u * u, yy += w * v * v, xy += w * u * v;
        }
      sum += (2 * mx * my + c1) * (2 * (xy - mx * my) + c2) /
             ((mx * mx + my * my + c1) * (xx - mx * mx + yy - my * my + c2));
    }
  return sum / places;
}

TEST(ImageQuality, PsnrOfAKnownError) {
  const Batch x = Batch::Zero(2, 4);
  Batch y = x;
  y.row(0) += 0.2;
  const Times value = psnr(y, x, 2);
  EXPECT_NEAR(value[0], 20, 1e-12);
  EXPECT_TRUE(std::isinf(value[1]));
  EXPECT_THROW(psnr(x, Batch::Zero(2, 3)), Error);
}

TEST(ImageQuality, SsimIsItsDefinition) {
  const int side = 24;
  const Batch x = test_picture(1, side), y = 0.7 * x + 0.3 * test_picture(2, side);
  const ItemShape shape{1, side, side, true};
  EXPECT_NEAR(ssim(x, y, shape, 1)[0], slow_ssim(x, y, side, 1), 1e-12);
  EXPECT_NEAR(ssim(x, x, shape, 1)[0], 1, 1e-12);
  EXPECT_LT(ssim(x, test_picture(2, side), shape, 1)[0], 0.2);
  Batch both(1, 2 * side * side), other(1, 2 * side * side);
  both << x, x;
  other << y, x;
  EXPECT_NEAR(ssim(both, other, {2, side, side, true}, 1)[0], 0.5 * (1 + ssim(x, y, shape, 1)[0]), 1e-12);
  EXPECT_TRUE(std::isfinite(ssim(test_picture(1, 4), test_picture(2, 4), {1, 4, 4, true}, 1)[0]));
  EXPECT_THROW(ssim(x, y, {1, side, side - 1, true}), Error);
}

}  // namespace
}  // namespace scoresde
