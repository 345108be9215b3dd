#include "data/gif.h"

#include <gif_lib.h>

#include <memory>

#include "core/error.h"

namespace scoresde {
namespace {

constexpr int kRed = 6, kGreen = 7, kBlue = 6;  // levels of the fixed colour cube: 252 colours of 256

int append_gif_bytes(GifFileType* gif, const GifByteType* bytes, int size) {
  auto& out = *static_cast<std::string*>(gif->UserData);
  out.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
  return size;
}

using ColorMap = std::unique_ptr<ColorMapObject, decltype([](ColorMapObject* map) { GifFreeMapObject(map); })>;

ColorMap gif_palette(bool colour) {
  ColorMap map(GifMakeMapObject(256, nullptr));
  if (!map) fail(Failure::run, "giflib is out of memory");
  for (int i = 0; i < 256; ++i) {
    const auto level = [](int step, int levels) { return static_cast<GifByteType>(step * 255 / (levels - 1)); };
    const auto grey = static_cast<GifByteType>(i);
    if (!colour)
      map->Colors[i] = {grey, grey, grey};
    else if (i < kRed * kGreen * kBlue)
      map->Colors[i] = {level(i / (kGreen * kBlue), kRed), level(i / kBlue % kGreen, kGreen), level(i % kBlue, kBlue)};
    else
      map->Colors[i] = {0, 0, 0};
  }
  return map;
}

GifByteType gif_colour(const std::uint8_t* rgb) {
  const auto step = [](int value, int levels) { return (value * (levels - 1) + 127) / 255; };
  return static_cast<GifByteType>((step(rgb[0], kRed) * kGreen + step(rgb[1], kGreen)) * kBlue + step(rgb[2], kBlue));
}

void require_gif(int status, const GifFileType* gif) {
  if (status == GIF_ERROR) {
    const char* reason = GifErrorString(gif->Error);
    fail(Failure::run, "giflib: {}", reason ? reason : "unknown error");
  }
}

void put_gif_frame(GifFileType* gif, const Image& image, int centiseconds) {
  GraphicsControlBlock control{};
  control.DisposalMode = DISPOSE_DO_NOT;
  control.DelayTime = centiseconds;
  control.TransparentColor = NO_TRANSPARENT_COLOR;
  GifByteType packed[4];
  EGifGCBToExtension(&control, packed);
  require_gif(EGifPutExtension(gif, GRAPHICS_EXT_FUNC_CODE, sizeof packed, packed), gif);
  require_gif(EGifPutImageDesc(gif, 0, 0, image.width, image.height, false, nullptr), gif);
  std::vector<GifByteType> line(static_cast<std::size_t>(image.width));
  for (int y = 0; y < image.height; ++y) {
    for (int x = 0; x < image.width; ++x) {
      const std::uint8_t* pixel = &image.pixels[static_cast<std::size_t>((y * image.width + x) * image.channels)];
      line[static_cast<std::size_t>(x)] = image.channels == 1 ? *pixel : gif_colour(pixel);
    }
    require_gif(EGifPutLine(gif, line.data(), image.width), gif);
  }
}

}  // namespace

void write_gif(const fs::path& path, std::span<const Image> frames, int centiseconds) {
  if (frames.empty()) fail(Failure::run, "{}: an animation of no frames", path.string());
  const Image& first = frames.front();
  for (const Image& frame : frames)
    if (frame.width != first.width || frame.height != first.height || frame.channels != first.channels)
      fail(Failure::run, "{}: the frames have several sizes", path.string());
  if (first.width > 65535 || first.height > 65535 || (first.channels != 1 && first.channels != 3))
    fail(Failure::run, "{}: frames of {} x {} x {} are no GIF", path.string(), first.width, first.height,
         first.channels);
  std::string bytes;
  int error = 0;
  const ColorMap palette = gif_palette(first.channels == 3);
  std::unique_ptr<GifFileType, decltype([](GifFileType* gif) { EGifCloseFile(gif, nullptr); })> gif(
      EGifOpen(&bytes, append_gif_bytes, &error));
  if (!gif) fail(Failure::run, "giflib: error {}", error);
  EGifSetGifVersion(gif.get(), true);
  require_gif(EGifPutScreenDesc(gif.get(), first.width, first.height, 8, 0, palette.get()), gif.get());
  const GifByteType forever[] = {1, 0, 0};
  require_gif(EGifPutExtensionLeader(gif.get(), APPLICATION_EXT_FUNC_CODE), gif.get());
  require_gif(EGifPutExtensionBlock(gif.get(), 11, "NETSCAPE2.0"), gif.get());
  require_gif(EGifPutExtensionBlock(gif.get(), sizeof forever, forever), gif.get());
  require_gif(EGifPutExtensionTrailer(gif.get()), gif.get());
  for (const Image& frame : frames) put_gif_frame(gif.get(), frame, centiseconds);
  gif.reset();  // writes the trailer
  write_atomically(path, bytes);
}

}  // namespace scoresde
