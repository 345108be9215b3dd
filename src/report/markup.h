#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "core/image.h"

namespace scoresde {

/// Text for HTML or SVG, as content or inside a quoted attribute: & < > " ' escaped, invalid UTF-8 replaced and control
/// characters (line ends and tabs apart) made spaces. Everything that is not our own markup goes through here.
std::string escape_markup(std::string_view text);

/// RFC 4648, with padding.
std::string base64(std::span<const std::uint8_t> bytes);

/// "data:image/png;base64,...": a picture inside a page.
std::string data_uri(const Image& image);

}  // namespace scoresde
