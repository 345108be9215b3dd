#include "report/markup.h"

#include <algorithm>

#include "report/utf8.h"

namespace scoresde {

std::string escape_markup(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of("\n\t"), text.size());
    for (char c : printable(text.substr(0, end))) {
      switch (c) {
        case '&':
          out += "&amp;";
          break;
        case '<':
          out += "&lt;";
          break;
        case '>':
          out += "&gt;";
          break;
        case '"':
          out += "&quot;";
          break;
        case '\'':
          out += "&#39;";
          break;
        default:
          out += c;
      }
    }
    if (end < text.size()) out += text[end];
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

std::string base64(std::span<const std::uint8_t> bytes) {
  static constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t has = bytes.size() - i;
    const std::uint32_t group = std::uint32_t{bytes[i]} << 16 | (has > 1 ? std::uint32_t{bytes[i + 1]} << 8 : 0) |
                                (has > 2 ? std::uint32_t{bytes[i + 2]} : 0);
    out += kAlphabet[group >> 18];
    out += kAlphabet[group >> 12 & 63];
    out += has > 1 ? kAlphabet[group >> 6 & 63] : '=';
    out += has > 2 ? kAlphabet[group & 63] : '=';
  }
  return out;
}

std::string data_uri(const Image& image) { return "data:image/png;base64," + base64(encode_png(image)); }

}  // namespace scoresde
