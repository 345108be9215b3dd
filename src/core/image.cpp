#include "core/image.h"

#include <png.h>

#include <csetjmp>

#include "core/error.h"

namespace scoresde {
namespace {

void append_png_bytes(png_structp png, png_bytep bytes, png_size_t size) {
  auto& out = *static_cast<std::vector<std::uint8_t>*>(png_get_io_ptr(png));
  out.insert(out.end(), bytes, bytes + size);
}

int png_colour_type(int channels) {
  switch (channels) {
    case 1:
      return PNG_COLOR_TYPE_GRAY;
    case 3:
      return PNG_COLOR_TYPE_RGB;
    case 4:
      return PNG_COLOR_TYPE_RGBA;
    default:
      fail(Failure::run, "a PNG has 1, 3 or 4 channels, not {}", channels);
  }
}

// Owns nothing: libpng leaves by longjmp, which runs no destructor.
bool run_libpng(const Image& image, int colour, png_bytepp rows, std::vector<png_text>& chunks,
                std::vector<std::uint8_t>& out) {
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png ? png_create_info_struct(png) : nullptr;
  if (!info || setjmp(png_jmpbuf(png))) {
    png_destroy_write_struct(&png, &info);
    return false;
  }
  png_set_write_fn(png, &out, append_png_bytes, nullptr);
  png_set_IHDR(png, info, static_cast<png_uint_32>(image.width), static_cast<png_uint_32>(image.height), 8, colour,
               PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  if (!chunks.empty()) png_set_text(png, info, chunks.data(), static_cast<int>(chunks.size()));
  png_set_rows(png, info, rows);
  png_write_png(png, info, PNG_TRANSFORM_IDENTITY, nullptr);
  png_destroy_write_struct(&png, &info);
  return true;
}

}  // namespace

std::vector<std::uint8_t> encode_png(const Image& image, const PngText& text) {
  const int colour = png_colour_type(image.channels);
  const std::size_t stride = static_cast<std::size_t>(image.width) * static_cast<std::size_t>(image.channels);
  if (image.width < 1 || image.height < 1 || image.pixels.size() != stride * static_cast<std::size_t>(image.height))
    fail(Failure::run, "a picture of {} x {} x {} has {} values", image.width, image.height, image.channels,
         image.pixels.size());
  std::vector<std::uint8_t> out;
  std::vector<png_bytep> rows(static_cast<std::size_t>(image.height));
  for (std::size_t y = 0; y < rows.size(); ++y) rows[y] = const_cast<png_bytep>(image.pixels.data() + y * stride);
  std::vector<png_text> chunks(text.size());
  for (std::size_t k = 0; k < text.size(); ++k) {
    chunks[k].compression = PNG_TEXT_COMPRESSION_NONE;
    chunks[k].key = const_cast<char*>(text[k].first.c_str());
    chunks[k].text = const_cast<char*>(text[k].second.c_str());
  }
  if (!run_libpng(image, colour, rows.data(), chunks, out))
    fail(Failure::run, "libpng could not encode a picture of {} x {}", image.width, image.height);
  return out;
}

void write_png(const fs::path& path, const Image& image, const PngText& text) {
  const auto bytes = encode_png(image, text);
  write_atomically(path, std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
}

}  // namespace scoresde
