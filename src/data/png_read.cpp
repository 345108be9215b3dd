#include <png.h>

#include <algorithm>
#include <csetjmp>
#include <cstring>

#include "core/error.h"
#include "data/decode.h"

namespace scoresde {
namespace {

/// What the callbacks of libpng see. Owners live outside the functions that call setjmp: a longjmp over a destructor is
/// undefined.
struct PngReading {
  std::span<const std::uint8_t> bytes;
  std::size_t at = 0;
  char message[160] = {};
  png_structp png = nullptr;
  png_infop info = nullptr;
  png_uint_32 width = 0, height = 0;
  int channels = 0;
  ImageOrigin origin;

  ~PngReading() { png_destroy_read_struct(&png, &info, nullptr); }
};

void keep_png_message(png_structp png, png_const_charp message) {
  auto& reading = *static_cast<PngReading*>(png_get_error_ptr(png));
  std::strncpy(reading.message, message, sizeof reading.message - 1);
  std::longjmp(png_jmpbuf(png), 1);
}

void ignore_png_warning(png_structp, png_const_charp) {}

void take_png_bytes(png_structp png, png_bytep out, png_size_t size) {
  auto& reading = *static_cast<PngReading*>(png_get_io_ptr(png));
  if (size > reading.bytes.size() - reading.at) png_error(png, "the file is truncated");
  std::memcpy(out, reading.bytes.data() + reading.at, size);
  reading.at += size;
}

bool read_png_header(PngReading& r) {
  r.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &r, keep_png_message, ignore_png_warning);
  if (r.png) r.info = png_create_info_struct(r.png);
  if (!r.info) return false;
  if (setjmp(png_jmpbuf(r.png))) return false;
  png_set_user_limits(r.png, 65536, 65536);
  png_set_read_fn(r.png, &r, take_png_bytes);
  png_read_info(r.png, r.info);
  const int colour = png_get_color_type(r.png, r.info), depth = png_get_bit_depth(r.png, r.info);
  r.origin.palette = colour == PNG_COLOR_TYPE_PALETTE;
  r.origin.sixteen = depth == 16;
  r.origin.alpha = (colour & PNG_COLOR_MASK_ALPHA) != 0 || png_get_valid(r.png, r.info, PNG_INFO_tRNS) != 0;
  png_set_expand(r.png);
  png_set_scale_16(r.png);
  png_set_interlace_handling(r.png);
  png_read_update_info(r.png, r.info);
  r.width = png_get_image_width(r.png, r.info);
  r.height = png_get_image_height(r.png, r.info);
  r.channels = png_get_channels(r.png, r.info);
  return true;
}

bool read_png_rows(PngReading& r, png_bytep* rows) {
  if (setjmp(png_jmpbuf(r.png))) return false;
  png_read_image(r.png, rows);
  png_read_end(r.png, nullptr);
  return true;
}

}  // namespace

RawImage decode_png(std::span<const std::uint8_t> bytes, const std::string& where) {
  PngReading reading;
  reading.bytes = bytes;
  const auto refuse = [&]() {
    fail(Failure::data, "{} is not a readable PNG: {}", where, *reading.message ? reading.message : "out of memory");
  };
  if (!read_png_header(reading)) refuse();
  require_image_size(reading.width, reading.height, where);
  RawImage image{{static_cast<int>(reading.width), static_cast<int>(reading.height), reading.channels, {}},
                 reading.origin};
  const std::size_t stride = std::size_t{reading.width} * static_cast<std::size_t>(reading.channels);
  image.picture.pixels.resize(stride * reading.height);
  std::vector<png_bytep> rows(reading.height);
  for (std::size_t y = 0; y < rows.size(); ++y) rows[y] = image.picture.pixels.data() + y * stride;
  if (!read_png_rows(reading, rows.data())) refuse();
  return image;
}

PngText read_png_text(const fs::path& path) {
  constexpr std::size_t kSignature = 8, kFrame = 12;  // length, type and CRC-32 of a chunk
  const std::vector<std::uint8_t> bytes = read_bytes(path);
  const auto number = [&](std::size_t at) {
    return std::uint32_t{bytes[at]} << 24 | std::uint32_t{bytes[at + 1]} << 16 | std::uint32_t{bytes[at + 2]} << 8 |
           bytes[at + 3];
  };
  if (bytes.size() < kSignature || png_sig_cmp(bytes.data(), 0, kSignature) != 0)
    fail(Failure::data, "{} is not a PNG file", path.string());
  PngText texts;
  for (std::size_t at = kSignature;;) {
    if (bytes.size() - at < kFrame || number(at) > bytes.size() - at - kFrame)
      fail(Failure::data, "{} is truncated: a chunk is cut off, or the end is missing", path.string());
    const std::size_t length = number(at);
    const std::span<const std::uint8_t> typed(bytes.data() + at + 4, length + 4);
    if (crc32(typed) != number(at + 8 + length)) fail(Failure::data, "{}: a chunk's CRC-32 is wrong", path.string());
    const std::string type(typed.begin(), typed.begin() + 4), body(typed.begin() + 4, typed.end());
    if (type == "IEND") return texts;
    if (const std::size_t zero = body.find('\0'); type == "tEXt" && zero != std::string::npos)
      texts.emplace_back(body.substr(0, zero), body.substr(zero + 1));
    at += kFrame + length;
  }
}

}  // namespace scoresde
