#include "data/image.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <limits>

#include "core/error.h"
#include "core/noise.h"
#include "data/gif.h"
#include "data/image_grid.h"
#include "test_paths.h"

namespace scoresde {
namespace {

using Bytes = std::vector<std::uint8_t>;

void put_chunk(Bytes& png, const std::string& type, const Bytes& body) {
  const auto put = [&](std::uint32_t n) {
    for (int shift = 24; shift >= 0; shift -= 8) png.push_back(static_cast<std::uint8_t>(n >> shift));
  };
  put(static_cast<std::uint32_t>(body.size()));
  Bytes typed(type.begin(), type.end());
  typed.insert(typed.end(), body.begin(), body.end());
  png.insert(png.end(), typed.begin(), typed.end());
  put(crc32(typed));
}

/// A PNG of any kind, its rows (each behind a filter byte 0) in one stored block of zlib.
Bytes png_of(std::uint32_t width, std::uint32_t height, int depth, int colour, const Bytes& rows,
             const std::vector<std::pair<std::string, Bytes>>& chunks = {}) {
  Bytes png{0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
  Bytes head;
  for (const std::uint32_t n : {width, height})
    for (int shift = 24; shift >= 0; shift -= 8) head.push_back(static_cast<std::uint8_t>(n >> shift));
  head.insert(head.end(), {static_cast<std::uint8_t>(depth), static_cast<std::uint8_t>(colour), 0, 0, 0});
  put_chunk(png, "IHDR", head);
  for (const auto& [type, body] : chunks) put_chunk(png, type, body);
  const auto n = static_cast<std::uint16_t>(rows.size());
  Bytes packed{0x78,
               0x01,
               1,
               static_cast<std::uint8_t>(n),
               static_cast<std::uint8_t>(n >> 8),
               static_cast<std::uint8_t>(~n),
               static_cast<std::uint8_t>(~n >> 8)};
  packed.insert(packed.end(), rows.begin(), rows.end());
  std::uint32_t a = 1, b = 0;  // Adler-32
  for (const std::uint8_t value : rows) a = (a + value) % 65521, b = (b + a) % 65521;
  for (const std::uint32_t half : {b, a})
    packed.insert(packed.end(), {static_cast<std::uint8_t>(half >> 8), static_cast<std::uint8_t>(half)});
  put_chunk(png, "IDAT", packed);
  put_chunk(png, "IEND", {});
  return png;
}

void expect_undecodable(const Bytes& bytes) {
  try {
    decode_image(bytes, "this-file");
    ADD_FAILURE() << "was read";
  } catch (const Error& error) {
    EXPECT_EQ(error.failure(), Failure::data);
    EXPECT_NE(std::string(error.what()).find("this-file"), std::string::npos);
  }
}

TEST(Image, EveryKindOfPng) {
  ImageOrigin origin;
  Image image = decode_image(png_of(2, 1, 16, 0, {0, 0x80, 0x00, 0xff, 0xff}), "", &origin);
  EXPECT_EQ(image.pixels, (Bytes{128, 255}));
  EXPECT_TRUE(origin.sixteen);
  image = decode_image(png_of(8, 1, 1, 0, {0, 0b10100000}), "");
  EXPECT_EQ(image.pixels, (Bytes{255, 0, 255, 0, 0, 0, 0, 0}));
  image = decode_image(png_of(2, 1, 8, 3, {0, 1, 0}, {{"PLTE", {1, 2, 3, 40, 50, 60}}}), "", &origin);
  EXPECT_EQ(image.pixels, (Bytes{40, 50, 60, 1, 2, 3}));
  EXPECT_TRUE(origin.palette && !origin.alpha);
  image = decode_image(png_of(2, 1, 8, 4, {0, 100, 255, 100, 0}), "", &origin);
  EXPECT_EQ(image.channels, 1);
  EXPECT_EQ(image.pixels, (Bytes{100, 255}));  // what is transparent is white
  EXPECT_TRUE(origin.alpha);
  image = decode_image(png_of(1, 1, 8, 6, {0, 0, 100, 200, 51}), "");
  EXPECT_EQ(image.pixels, (Bytes{204, 224, 244}));
  image = decode_image(png_of(2, 1, 8, 3, {0, 1, 0}, {{"PLTE", {1, 2, 3, 40, 50, 60}}, {"tRNS", {0}}}), "", &origin);
  EXPECT_EQ(image.pixels, (Bytes{40, 50, 60, 255, 255, 255}));
  EXPECT_TRUE(origin.alpha);
}

TEST(Image, HostilePng) {
  const Bytes good = png_of(2, 2, 8, 0, {0, 1, 2, 0, 3, 4});
  ASSERT_EQ(decode_image(good, "").pixels, (Bytes{1, 2, 3, 4}));
  for (std::size_t cut = 0; cut < good.size(); ++cut) expect_undecodable({good.begin(), good.begin() + cut});
  for (std::size_t at = 0; at < good.size() - 12; ++at) {  // every byte of it is under a signature or a CRC-32
    Bytes bad = good;
    bad[at] ^= 0x55;
    expect_undecodable(bad);
  }
  expect_undecodable(png_of(2, 2, 8, 0, {0, 1, 2, 0, 3}));
  expect_undecodable(png_of(0, 2, 8, 0, {0}));
  expect_undecodable(png_of(60000, 60000, 8, 0, {0}));
  expect_undecodable(png_of(0x7fffffff, 0x7fffffff, 8, 6, {0}));
  expect_undecodable(png_of(1, 1, 8, 3, {0, 0}));  // no palette
}

TEST(Image, Jpeg) {
  const fs::path folder = fs::path(SCORESDE_SOURCE_DIR) / "tests/files";
  const Image grey = read_image(folder / "tiny_grey.jpg"), rgb = read_image(folder / "tiny_rgb.jpg");
  ASSERT_EQ(grey.pixels.size(), 16u * 8);
  ASSERT_EQ(rgb.pixels.size(), 16u * 8 * 3);
  for (int y = 0; y < 8; ++y)
    for (int x = 0; x < 16; ++x) {
      EXPECT_NEAR(grey.at(x, y, 0), 16 * x, 6);
      EXPECT_NEAR(rgb.at(x, y, 0), 16 * x, 12);
      EXPECT_NEAR(rgb.at(x, y, 1), 32 * y, 12);
    }
  for (const char* name : {"tiny_grey.jpg", "tiny_rgb.jpg"}) {
    const Bytes good = read_bytes(folder / name);
    for (std::size_t cut = 0; cut + 2 < good.size(); ++cut) expect_undecodable({good.begin(), good.begin() + cut});
    std::uint64_t drawn = 0;
    const auto bits = [&](std::uint64_t n) { return uniform_below({.seed = 3, .sample = ++drawn}, n); };
    for (int trial = 0; trial < 300; ++trial) {
      Bytes bad = good;
      bad[2 + bits(bad.size() - 2)] = static_cast<std::uint8_t>(bits(256));
      try {
        decode_image(bad, "bad");  // JPEG has no checksum: it may decode; it must not crash
      } catch (const Error& error) {
        EXPECT_EQ(error.failure(), Failure::data);
      }
    }
  }
  EXPECT_THROW(read_image(folder / "tiny_cmyk.jpg"), Error);
}

TEST(Image, TextOfPng) {
  const fs::path path = fs::temp_directory_path() / fmt::format("scoresde-text-{}.png", ::getpid());
  const Image image{.width = 1, .height = 1, .channels = 1, .pixels = {7}};
  const PngText text{{"recipe", "{\"seed\": 3}"}, {"Title", "two\nlines"}};
  write_png(path, image, text);
  EXPECT_EQ(read_png_text(path), text);
  Bytes bytes = read_bytes(path);
  for (std::size_t at = 8; at < bytes.size(); at += 3) {
    Bytes bad = bytes;
    bad[at] ^= 1;
    write_atomically(path, std::string(bad.begin(), bad.end()));
    EXPECT_THROW(read_png_text(path), Error) << at;
  }
  fs::remove(path);
}

TEST(Image, ResizeKeepsConstantsRampsAndMeans) {
  Image flat{.width = 9, .height = 7, .channels = 3, .pixels = Bytes(9 * 7 * 3, 201)};
  for (const int side : {1, 4, 9, 23})
    for (const std::uint8_t value : resize(flat, side, side).pixels) EXPECT_EQ(value, 201);
  Image ramp{.width = 64, .height = 1, .channels = 1, .pixels = {}};
  for (int x = 0; x < 64; ++x) ramp.pixels.push_back(static_cast<std::uint8_t>(4 * x));
  const Image half = resize(ramp, 32, 1);
  for (int x = 4; x < 28; ++x) EXPECT_NEAR(half.at(x, 0, 0), 4 * (2 * x + 0.5), 0.51);  // centres: 2 x + 1/2
  Image stripes{.width = 64, .height = 1, .channels = 1, .pixels = {}};  // far above what 16 pixels can show
  for (int x = 0; x < 64; ++x) stripes.pixels.push_back(x % 2 ? 255 : 0);
  const Image quarter = resize(stripes, 16, 1);
  for (int x = 2; x < 14; ++x) EXPECT_NEAR(quarter.at(x, 0, 0), 127.5, 2);  // 0 and 255 by turns without stretching
}

TEST(Image, CropGridAndUnits) {
  Image wide{.width = 5, .height = 2, .channels = 1, .pixels = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}};
  EXPECT_EQ(centre_crop(wide).pixels, (Bytes{1, 2, 6, 7}));
  const Image red{.width = 1, .height = 1, .channels = 3, .pixels = {9, 0, 0}};
  const Image grey{.width = 1, .height = 1, .channels = 1, .pixels = {5}};
  const Image sheet = grid(std::vector<Image>{red, grey, grey}, 2, 1, 2);
  EXPECT_EQ(sheet.width, 7);
  EXPECT_EQ(sheet.height, 7);
  EXPECT_EQ(sheet.at(0, 0, 0), 255);
  EXPECT_EQ(sheet.at(2, 2, 0), 9);
  EXPECT_EQ(sheet.at(4, 1, 2), 5);
  EXPECT_EQ(sheet.at(5, 5, 0), 255);
  Batch row(1, 6);
  row << -1, 1, 3 / 127.5 - 1, 2, -7, std::numeric_limits<double>::quiet_NaN();
  const std::vector<Image> images = batch_to_images(row, {.channels = 3, .height = 1, .width = 2});
  EXPECT_EQ(images[0].pixels, (Bytes{0, 3, 0, 255, 255, 0}));
  EXPECT_EQ(batch_to_images(image_to_row(images[0]), {.channels = 3, .height = 1, .width = 2})[0].pixels,
            images[0].pixels);
}

TEST(Image, GifHasItsFrames) {
  const fs::path path = fs::temp_directory_path() / fmt::format("scoresde-{}.gif", ::getpid());
  std::vector<Image> frames;
  for (int k = 0; k < 3; ++k) frames.push_back({.width = 20, .height = 10, .channels = 3, .pixels = Bytes(600)});
  for (Image& frame : frames)
    for (std::size_t i = 0; i < frame.pixels.size(); ++i) frame.pixels[i] = static_cast<std::uint8_t>(i * i);
  write_gif(path, frames, 5);
  const Bytes bytes = read_bytes(path);
  write_gif(path, frames, 5);
  EXPECT_EQ(read_bytes(path), bytes);
  ASSERT_EQ(std::string(bytes.begin(), bytes.begin() + 6), "GIF89a");
  std::size_t at = 13 + 3 * 256, images = 0;  // screen and palette; then blocks to the trailer
  const auto skip_parts = [&] {
    while (bytes.at(at) != 0) at += 1u + bytes[at];
    ++at;
  };
  for (; bytes.at(at) != 0x3b; skip_parts()) {
    if (bytes[at] == 0x2c)
      ++images, at += 11;
    else
      at += 2;
  }
  EXPECT_EQ(images, 3u);
  EXPECT_EQ(at + 1, bytes.size());
  frames.back().width = 10;
  EXPECT_THROW(write_gif(path, frames), Error);
  fs::remove(path);
}

}  // namespace
}  // namespace scoresde
