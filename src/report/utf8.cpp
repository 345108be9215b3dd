#include "report/utf8.h"

#include <cstdint>

namespace scoresde {
namespace {

constexpr char32_t kInvalid = 0xffffffff;

/// The code point at `text[at]` and its length in bytes; an invalid byte is kInvalid of length 1.
struct CodePoint {
  char32_t value;
  std::size_t bytes;
};

CodePoint code_point_at(std::string_view text, std::size_t at) {
  const auto first = static_cast<std::uint8_t>(text[at]);
  if (first < 0x80) return {first, 1};
  const std::size_t bytes = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || at + bytes > text.size()) return {kInvalid, 1};
  char32_t value = first & (0x7f >> bytes);
  for (std::size_t k = 1; k < bytes; ++k) {
    const auto next = static_cast<std::uint8_t>(text[at + k]);
    if ((next & 0xc0) != 0x80) return {kInvalid, 1};
    value = (value << 6) | (next & 0x3f);
  }
  const bool overlong = (bytes == 3 && value < 0x800) || (bytes == 4 && value < 0x10000);
  const bool surrogate = value >= 0xd800 && value < 0xe000;
  if (overlong || surrogate || value > 0x10ffff) return {kInvalid, 1};
  return {value, bytes};
}

std::size_t columns_of(char32_t c) {
  const auto within = [c](char32_t low, char32_t high) { return c >= low && c <= high; };
  if (c == 0x200b || c == 0xfeff || within(0x300, 0x36f) || within(0x200c, 0x200f) || within(0xfe00, 0xfe0f)) return 0;
  const bool wide = within(0x1100, 0x115f) || within(0x2e80, 0xa4cf) || within(0xac00, 0xd7a3) ||
                    within(0xf900, 0xfaff) || within(0xfe30, 0xfe6f) || within(0xff00, 0xff60) ||
                    within(0xffe0, 0xffe6) || within(0x1f300, 0x1faff) || within(0x20000, 0x3fffd);
  return wide ? 2 : 1;
}

}  // namespace

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint point = code_point_at(text, at);
    width += columns_of(point.value);
    at += point.bytes;
  }
  return width;
}

std::string fit_width(std::string_view text, std::size_t width) {
  if (display_width(text) <= width) return std::string(text);
  if (width == 0) return "";
  std::size_t used = 0;
  std::size_t at = 0;
  while (at < text.size()) {
    const CodePoint point = code_point_at(text, at);
    if (used + columns_of(point.value) > width - 1) break;
    used += columns_of(point.value);
    at += point.bytes;
  }
  return std::string(text.substr(0, at)) + "…";
}

std::string pad_right(std::string_view text, std::size_t width) {
  const std::size_t has = display_width(text);
  return std::string(text) + std::string(has < width ? width - has : 0, ' ');
}

std::string pad_left(std::string_view text, std::size_t width) {
  const std::size_t has = display_width(text);
  return std::string(has < width ? width - has : 0, ' ') + std::string(text);
}

std::string printable(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint point = code_point_at(text, at);
    if (point.value == kInvalid) {
      out += "\xef\xbf\xbd";
    } else if (point.value < 0x20 || (point.value >= 0x7f && point.value < 0xa0)) {
      out += ' ';
    } else {
      out += text.substr(at, point.bytes);
    }
    at += point.bytes;
  }
  return out;
}

}  // namespace scoresde
