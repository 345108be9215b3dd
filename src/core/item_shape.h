#pragma once
#include <string>

#include "core/batch.h"
#include "core/config.h"

namespace scoresde {

/// The form of one sample: channels x height x width for images; {D, 1, 1} with `image` false for rows of a table.
struct ItemShape {
  int channels = 1, height = 1, width = 1;
  bool image = true;

  Index size() const { return Index{1} * channels * height * width; }
  bool operator==(const ItemShape&) const = default;

  static constexpr auto fields() {
    return std::tuple{field("channels", &ItemShape::channels, "channels of an image, or columns of a table", {1, 1e6}),
                      field("height", &ItemShape::height, "pixels", {1, 65536}),
                      field("width", &ItemShape::width, "pixels", {1, 65536}),
                      field("image", &ItemShape::image, "true for images, false for rows of a table")};
  }
};

/// "3x32x32" or "2 columns".
inline std::string to_text(const ItemShape& s) {
  return s.image ? fmt::format("{}x{}x{}", s.channels, s.height, s.width) : fmt::format("{} columns", s.channels);
}

}  // namespace scoresde
