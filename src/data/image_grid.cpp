#include "data/image_grid.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/error.h"
#include "data/image.h"

namespace scoresde {
namespace {

Image with_channels(const Image& image, int channels) {
  if (image.channels == channels) return image;
  Image out{.width = image.width, .height = image.height, .channels = channels, .pixels = {}};
  out.pixels.reserve(image.pixels.size() * 3);
  for (const std::uint8_t value : image.pixels) out.pixels.insert(out.pixels.end(), 3, value);
  return out;
}

}  // namespace

Image grid(std::span<const Image> images, int columns, int gap, int scale) {
  if (images.empty()) fail(Failure::run, "a grid of no pictures");
  int width = 0, height = 0, channels = 1;
  for (const Image& image : images) {
    width = std::max(width, image.width);
    height = std::max(height, image.height);
    if (image.channels != 1) channels = 3;
  }
  const int count = static_cast<int>(images.size());
  if (columns <= 0) columns = static_cast<int>(std::ceil(std::sqrt(static_cast<double>(count))));
  columns = std::min(columns, count);
  if (scale <= 0) scale = std::max(1, (63 + std::max(width, height)) / std::max(width, height));
  const int rows = (count + columns - 1) / columns;
  Image sheet{.width = gap + columns * (width * scale + gap),
              .height = gap + rows * (height * scale + gap),
              .channels = channels,
              .pixels = {}};
  sheet.pixels.assign(static_cast<std::size_t>(sheet.width) * static_cast<std::size_t>(sheet.height) *
                          static_cast<std::size_t>(channels),
                      255);
  for (int i = 0; i < count; ++i) {
    const Image image = with_channels(images[static_cast<std::size_t>(i)], channels);
    const int left = gap + i % columns * (width * scale + gap), top = gap + i / columns * (height * scale + gap);
    for (int y = 0; y < image.height * scale; ++y)
      for (int x = 0; x < image.width * scale; ++x)
        for (int c = 0; c < channels; ++c) sheet.at(left + x, top + y, c) = image.at(x / scale, y / scale, c);
  }
  return sheet;
}

Image scatter_image(const Batch& points, int side, double extent) {
  if (points.cols() < 2) fail(Failure::run, "points of {} columns cannot be drawn in the plane", points.cols());
  std::vector<double> counts(static_cast<std::size_t>(side) * static_cast<std::size_t>(side), 0.0);
  for (Index i = 0; i < points.rows(); ++i) {
    const double x = (points(i, 0) / extent + 1) / 2 * side, y = (1 - points(i, 1) / extent) / 2 * side;
    if (!(x >= 0 && x < side && y >= 0 && y < side)) continue;
    ++counts[static_cast<std::size_t>(y) * static_cast<std::size_t>(side) + static_cast<std::size_t>(x)];
  }
  const double average = static_cast<double>(points.rows()) / static_cast<double>(counts.size());
  const double full = std::max(2.0, 6 * average);
  Image image{.width = side, .height = side, .channels = 1, .pixels = {}};
  for (const double count : counts)
    image.pixels.push_back(static_cast<std::uint8_t>(255 - 255 * std::sqrt(std::min(1.0, count / full))));
  return image;
}

Image dataset_grid(const Dataset& set, std::size_t most) {
  if (set.shape.image) {
    std::vector<Image> images;
    for (std::size_t i = 0; i < std::min(most, set.count); ++i) images.push_back(dataset_image(set, i));
    return grid(images);
  }
  if (set.shape.channels < 2) fail(Failure::usage, "{} has one column: there is no picture of it", set.name);
  std::vector<std::uint32_t> items(set.count);
  std::iota(items.begin(), items.end(), 0u);
  return scatter_image(set.batch(items));
}

}  // namespace scoresde
