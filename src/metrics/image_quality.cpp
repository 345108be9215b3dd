#include "metrics/image_quality.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/error.h"
#include "core/sum.h"

namespace scoresde {
namespace {

void require_same_size(const Batch& x, const Batch& truth) {
  if (x.rows() != truth.rows() || x.cols() != truth.cols())
    fail(Failure::usage, "{} x {} values cannot be compared with {} x {}", x.rows(), x.cols(), truth.rows(),
         truth.cols());
}

using PixelPlane = Eigen::Array<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

std::vector<double> gaussian_window(int side) {
  std::vector<double> weights;
  double total = 0;
  for (int k = 0; k < side; ++k) total += weights.emplace_back(std::exp(-0.5 * std::pow((k - side / 2) / 1.5, 2)));
  for (double& weight : weights) weight /= total;
  return weights;
}

/// Weighted means over the window, where it lies inside.
PixelPlane windowed(const PixelPlane& x, const std::vector<double>& window) {
  const Index side = static_cast<Index>(window.size());
  PixelPlane down = PixelPlane::Zero(x.rows() - side + 1, x.cols());
  for (Index k = 0; k < side; ++k) down += window[static_cast<std::size_t>(k)] * x.middleRows(k, down.rows());
  PixelPlane both = PixelPlane::Zero(down.rows(), x.cols() - side + 1);
  for (Index k = 0; k < side; ++k) both += window[static_cast<std::size_t>(k)] * down.middleCols(k, both.cols());
  return both;
}

double plane_similarity(const PixelPlane& x, const PixelPlane& y, double range) {
  const int least = static_cast<int>(std::min(x.rows(), x.cols())), side = std::min(11, least - 1 + least % 2);
  const std::vector<double> window = gaussian_window(side);
  const double c1 = std::pow(0.01 * range, 2), c2 = std::pow(0.03 * range, 2);
  const PixelPlane mx = windowed(x, window), my = windowed(y, window);
  const PixelPlane vx = windowed(x * x, window) - mx * mx, vy = windowed(y * y, window) - my * my;
  const PixelPlane vxy = windowed(x * y, window) - mx * my;
  const PixelPlane map = (2 * mx * my + c1) * (2 * vxy + c2) / ((mx * mx + my * my + c1) * (vx + vy + c2));
  return ordered_sum(map.data(), static_cast<std::size_t>(map.size())) / static_cast<double>(map.size());
}

}  // namespace

Times psnr(const Batch& x, const Batch& truth, double range) {
  require_same_size(x, truth);
  const Batch difference = x - truth;
  const Times mean_square = row_dot(difference, difference) / static_cast<double>(x.cols());
  return 10 * (range * range / mean_square).log10();
}

Times ssim(const Batch& x, const Batch& truth, const ItemShape& shape, double range) {
  require_same_size(x, truth);
  if (!shape.image || x.cols() != shape.size())
    fail(Failure::usage, "structural similarity is of pictures, not of {} values as {}", x.cols(), to_text(shape));
  Times result = Times::Zero(x.rows());
  const Index plane = Index{1} * shape.height * shape.width;
  for (Index i = 0; i < x.rows(); ++i)
    for (Index c = 0; c < shape.channels; ++c)
      result[i] +=
          plane_similarity(Eigen::Map<const PixelPlane>(&x(i, c * plane), shape.height, shape.width),
                           Eigen::Map<const PixelPlane>(&truth(i, c * plane), shape.height, shape.width), range) /
          shape.channels;
  return result;
}

}  // namespace scoresde
