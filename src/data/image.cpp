#include "data/image.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "data/decode.h"

namespace scoresde {
namespace {

std::uint8_t byte_of(double value) {
  if (!(value > 0)) return 0;  // NaN included
  return value >= 255 ? 255 : static_cast<std::uint8_t>(value + 0.5);
}

Image composed_over_white(const Image& image) {
  Image out{.width = image.width, .height = image.height, .channels = image.channels - 1, .pixels = {}};
  const auto channels = static_cast<std::size_t>(image.channels);
  out.pixels.reserve(image.pixels.size() / channels * (channels - 1));
  for (std::size_t at = 0; at < image.pixels.size(); at += channels) {
    const int alpha = image.pixels[at + channels - 1];
    for (std::size_t c = 0; c + 1 < channels; ++c)
      out.pixels.push_back(static_cast<std::uint8_t>((image.pixels[at + c] * alpha + 255 * (255 - alpha) + 127) / 255));
  }
  return out;
}

double keys_cubic(double x) {
  x = std::abs(x);
  if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
  if (x < 2) return ((-0.5 * x + 2.5) * x - 4) * x + 2;
  return 0;
}

/// The pixels that make up one pixel of a resampled line.
struct ResizeTap {
  int first;
  std::vector<double> weights;
};

std::vector<ResizeTap> resize_taps(int from, int to) {
  const double scale = static_cast<double>(from) / to, stretch = std::max(scale, 1.0);
  std::vector<ResizeTap> taps(static_cast<std::size_t>(to));
  for (int i = 0; i < to; ++i) {
    ResizeTap& tap = taps[static_cast<std::size_t>(i)];
    const double centre = (i + 0.5) * scale;
    tap.first = std::max(0, static_cast<int>(centre - 2 * stretch));
    const int last = std::min(from - 1, static_cast<int>(centre + 2 * stretch));
    double sum = 0;
    for (int k = tap.first; k <= last; ++k) {
      tap.weights.push_back(keys_cubic((k + 0.5 - centre) / stretch));
      sum += tap.weights.back();
    }
    for (double& weight : tap.weights) weight /= sum;
  }
  return taps;
}

}  // namespace

void require_image_size(std::uint64_t width, std::uint64_t height, const std::string& where) {
  if (width < 1 || height < 1 || width > 65536 || height > 65536 || width * height > (1u << 28))
    fail(Failure::data, "{}: {} x {} pixels; 1 to 65536 a side and 2^28 in all are possible", where, width, height);
}

Image decode_image(std::span<const std::uint8_t> bytes, const std::string& where, ImageOrigin* origin) {
  const auto begins = [&](std::initializer_list<std::uint8_t> magic) {
    return bytes.size() >= magic.size() && std::equal(magic.begin(), magic.end(), bytes.begin());
  };
  RawImage raw;
  if (begins({0x89, 'P', 'N', 'G'}))
    raw = decode_png(bytes, where);
  else if (begins({0xff, 0xd8, 0xff}))
    raw = decode_jpeg(bytes, where);
  else
    fail(Failure::data, "{} is neither a PNG nor a JPEG file", where);
  if (origin) *origin = raw.origin;
  if (raw.picture.channels % 2 == 0) return composed_over_white(raw.picture);
  return std::move(raw.picture);
}

Image read_image(const fs::path& path, ImageOrigin* origin) {
  return decode_image(read_bytes(path, std::uint64_t{1} << 32), path.string(), origin);
}

Image centre_crop(const Image& image) {
  const int side = std::min(image.width, image.height), left = (image.width - side) / 2,
            top = (image.height - side) / 2;
  if (image.width == image.height) return image;
  Image out{.width = side, .height = side, .channels = image.channels, .pixels = {}};
  const std::size_t stride = static_cast<std::size_t>(side) * static_cast<std::size_t>(image.channels);
  for (int y = 0; y < side; ++y) {
    const std::uint8_t* row = &image.pixels[(static_cast<std::size_t>(top + y) * static_cast<std::size_t>(image.width) +
                                             static_cast<std::size_t>(left)) *
                                            static_cast<std::size_t>(image.channels)];
    out.pixels.insert(out.pixels.end(), row, row + stride);
  }
  return out;
}

Image resize(const Image& image, int width, int height) {
  if (width < 1 || height < 1) fail(Failure::usage, "an image cannot have {} x {} pixels", width, height);
  if (image.width == width && image.height == height) return image;
  const auto across = resize_taps(image.width, width), down = resize_taps(image.height, height);
  const auto channels = static_cast<std::size_t>(image.channels), stride = static_cast<std::size_t>(width) * channels;
  std::vector<double> lines(stride * static_cast<std::size_t>(image.height), 0.0);
  for (int y = 0; y < image.height; ++y)
    for (std::size_t x = 0; x < across.size(); ++x)
      for (std::size_t k = 0; k < across[x].weights.size(); ++k)
        for (std::size_t c = 0; c < channels; ++c)
          lines[static_cast<std::size_t>(y) * stride + x * channels + c] +=
              across[x].weights[k] * image.at(across[x].first + static_cast<int>(k), y, static_cast<int>(c));
  Image out{.width = width, .height = height, .channels = image.channels, .pixels = {}};
  std::vector<double> line(stride);
  for (const ResizeTap& tap : down) {
    std::fill(line.begin(), line.end(), 0.0);
    for (std::size_t k = 0; k < tap.weights.size(); ++k)
      for (std::size_t j = 0; j < stride; ++j)
        line[j] += tap.weights[k] * lines[(static_cast<std::size_t>(tap.first) + k) * stride + j];
    for (const double value : line) out.pixels.push_back(byte_of(value));
  }
  return out;
}

std::vector<Image> batch_to_images(const Batch& rows, const ItemShape& shape) {
  if (!shape.image || rows.cols() != shape.size())
    fail(Failure::run, "{} values a row are no image of {}", rows.cols(), to_text(shape));
  std::vector<Image> images;
  for (Index r = 0; r < rows.rows(); ++r) {
    Image image{.width = shape.width, .height = shape.height, .channels = shape.channels, .pixels = {}};
    image.pixels.resize(static_cast<std::size_t>(shape.size()));
    const Index area = Index{1} * shape.width * shape.height;
    for (Index p = 0; p < area; ++p)
      for (int c = 0; c < shape.channels; ++c)
        image.pixels[static_cast<std::size_t>(p * shape.channels + c)] = byte_of(127.5 * (rows(r, c * area + p) + 1));
    images.push_back(std::move(image));
  }
  return images;
}

Batch image_to_row(const Image& image) {
  const Index area = Index{1} * image.width * image.height;
  Batch row(1, area * image.channels);
  for (Index p = 0; p < area; ++p)
    for (int c = 0; c < image.channels; ++c)
      row(0, c * area + p) = image.pixels[static_cast<std::size_t>(p * image.channels + c)] / 127.5 - 1;
  return row;
}

Image dataset_image(const Dataset& set, std::size_t i) {
  const auto planes = set.image(i);
  const auto channels = static_cast<std::size_t>(set.shape.channels), area = planes.size() / channels;
  Image image{.width = set.shape.width, .height = set.shape.height, .channels = set.shape.channels, .pixels = {}};
  image.pixels.resize(planes.size());
  for (std::size_t p = 0; p < area; ++p)
    for (std::size_t c = 0; c < channels; ++c) image.pixels[p * channels + c] = planes[c * area + p];
  return image;
}

}  // namespace scoresde
