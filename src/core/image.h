#pragma once
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "core/file.h"

namespace scoresde {

/// An 8-bit picture: rows from the top, pixels from the left, channels together (1 grey, 3 RGB, 4 RGBA).
struct Image {
  int width = 0, height = 0, channels = 1;
  std::vector<std::uint8_t> pixels;

  std::uint8_t& at(int x, int y, int channel) { return pixels[offset(x, y, channel)]; }
  std::uint8_t at(int x, int y, int channel) const { return pixels[offset(x, y, channel)]; }

 private:
  std::size_t offset(int x, int y, int channel) const {
    return (static_cast<std::size_t>(y) * static_cast<std::size_t>(width) + static_cast<std::size_t>(x)) *
               static_cast<std::size_t>(channels) +
           static_cast<std::size_t>(channel);
  }
};

/// Keyword and text of PNG tEXt chunks (Latin-1 keyword of 1 to 79 characters).
using PngText = std::vector<std::pair<std::string, std::string>>;

/// The picture as the bytes of a PNG file: the same picture and text give the same bytes (no time stamp).
std::vector<std::uint8_t> encode_png(const Image& image, const PngText& text = {});

/// encode_png to a file, replaced atomically.
void write_png(const fs::path& path, const Image& image, const PngText& text = {});

}  // namespace scoresde
