#include <csetjmp>
#include <cstddef>
#include <cstdio>
// libjpeg needs size_t and FILE declared before it.
#include <jerror.h>
#include <jpeglib.h>

#include "core/error.h"
#include "data/decode.h"

namespace scoresde {
namespace {

/// What the callbacks of libjpeg see; `errors` stays first, because libjpeg knows its address alone.
struct JpegReading {
  jpeg_error_mgr errors;
  jpeg_decompress_struct jpeg;
  std::jmp_buf out;
  char message[JMSG_LENGTH_MAX];
};

void stop_jpeg(j_common_ptr jpeg) {
  auto& reading = *reinterpret_cast<JpegReading*>(jpeg->err);
  jpeg->err->format_message(jpeg, reading.message);
  std::longjmp(reading.out, 1);
}

/// libjpeg only warns of a truncated or damaged stream and goes on with grey; here those warnings are errors.
void judge_jpeg_warning(j_common_ptr jpeg, int level) {
  if (level >= 0) return;
  const int code = jpeg->err->msg_code;
  if (code != JWRN_EXTRANEOUS_DATA && code != JWRN_ADOBE_XFORM && code != JWRN_BOGUS_PROGRESSION) stop_jpeg(jpeg);
}

bool start_jpeg(JpegReading& r, std::span<const std::uint8_t> bytes) {
  r.jpeg.err = jpeg_std_error(&r.errors);
  r.errors.error_exit = stop_jpeg;
  r.errors.emit_message = judge_jpeg_warning;
  if (setjmp(r.out)) return false;
  jpeg_create_decompress(&r.jpeg);
  jpeg_mem_src(&r.jpeg, bytes.data(), bytes.size());
  jpeg_read_header(&r.jpeg, TRUE);
  if (r.jpeg.jpeg_color_space != JCS_GRAYSCALE) r.jpeg.out_color_space = JCS_RGB;  // refuses CMYK
  jpeg_calc_output_dimensions(&r.jpeg);
  return true;
}

bool read_jpeg_rows(JpegReading& r, std::uint8_t* pixels, std::size_t stride) {
  if (setjmp(r.out)) return false;
  jpeg_start_decompress(&r.jpeg);
  while (r.jpeg.output_scanline < r.jpeg.output_height) {
    JSAMPROW row = pixels + r.jpeg.output_scanline * stride;
    jpeg_read_scanlines(&r.jpeg, &row, 1);
  }
  jpeg_finish_decompress(&r.jpeg);
  return true;
}

}  // namespace

RawImage decode_jpeg(std::span<const std::uint8_t> bytes, const std::string& where) {
  JpegReading reading{};
  struct Closing {
    jpeg_decompress_struct& jpeg;
    ~Closing() { jpeg_destroy_decompress(&jpeg); }
  } const closing{reading.jpeg};
  if (!start_jpeg(reading, bytes)) fail(Failure::data, "{} is not a readable JPEG: {}", where, reading.message);
  require_image_size(reading.jpeg.output_width, reading.jpeg.output_height, where);
  const int channels = reading.jpeg.out_color_space == JCS_GRAYSCALE ? 1 : 3;
  RawImage image{
      {static_cast<int>(reading.jpeg.output_width), static_cast<int>(reading.jpeg.output_height), channels, {}}, {}};
  const std::size_t stride = std::size_t{reading.jpeg.output_width} * static_cast<std::size_t>(channels);
  image.picture.pixels.resize(stride * reading.jpeg.output_height);
  if (!read_jpeg_rows(reading, image.picture.pixels.data(), stride))
    fail(Failure::data, "{} is not a readable JPEG: {}", where, reading.message);
  return image;
}

}  // namespace scoresde
