#pragma once
#include <span>
#include <string>
#include <vector>

#include "core/batch.h"
#include "core/image.h"
#include "core/item_shape.h"
#include "data/dataset.h"

namespace scoresde {

/// How a picture was stored, where reading it changed it.
struct ImageOrigin {
  bool alpha = false;    ///< was composed over white
  bool sixteen = false;  ///< 16 bits a channel were rounded to 8
  bool palette = false;  ///< colours were looked up
};

/// A PNG or JPEG file as 1 (grey) or 3 (RGB) channels of 8 bits; which of the two formats is told by its first bytes.
/// Transparency is composed over white, 16-bit values are rounded, palettes are expanded; gamma, colour profiles and
/// the orientation of EXIF are not applied. Error{data} for a truncated or corrupt file, CMYK, or more than 2^28
/// pixels.
Image read_image(const fs::path& path, ImageOrigin* origin = nullptr);

/// The same from memory; `where` names it in messages.
Image decode_image(std::span<const std::uint8_t> bytes, const std::string& where, ImageOrigin* origin = nullptr);

/// The tEXt chunks of a PNG file, in their order. Error{data} where the file is no PNG or a chunk's CRC-32 is wrong.
PngText read_png_text(const fs::path& path);

/// The largest square in the middle (the upper left of two middles).
Image centre_crop(const Image& image);

/// Resampled by Keys' cubic (a = -1/2) along each axis, stretched by the factor where the picture shrinks: no aliasing.
/// Rounded to nearest; beyond the border the border's pixels count, with their weights renormalised.
Image resize(const Image& image, int width, int height);

/// Rows of model units as pictures: u = round(127.5 (x + 1)), clipped to [0, 255]; not a number becomes 0.
std::vector<Image> batch_to_images(const Batch& rows, const ItemShape& shape);

/// A picture as one row of model units: C, H, W.
Batch image_to_row(const Image& image);

/// Image i of a data set.
Image dataset_image(const Dataset& set, std::size_t i);

}  // namespace scoresde
