#pragma once
#include "data/image.h"

namespace scoresde {

/// A picture as its file holds it: 1 grey, 2 grey and alpha, 3 RGB, or 4 RGBA channels.
struct RawImage {
  Image picture;
  ImageOrigin origin;
};

/// The two decoders behind decode_image.
RawImage decode_png(std::span<const std::uint8_t> bytes, const std::string& where);
RawImage decode_jpeg(std::span<const std::uint8_t> bytes, const std::string& where);

/// Error{data} where there are no pixels or more than 2^28.
void require_image_size(std::uint64_t width, std::uint64_t height, const std::string& where);

}  // namespace scoresde
