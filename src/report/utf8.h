#pragma once
#include <cstddef>
#include <string>
#include <string_view>

namespace scoresde {

/// Columns that UTF-8 text takes on a terminal: 1 a code point, 0 for combining marks, 2 for East Asian wide ones.
/// A byte that is not UTF-8 counts as one column. Not a full Unicode width table: enough for names and symbols.
std::size_t display_width(std::string_view text);

/// The text itself where it fits, else its beginning and "…", `width` columns at most. Never cuts a code point.
std::string fit_width(std::string_view text, std::size_t width);

/// The text with spaces on its right (or left) up to `width` columns; longer text stays as it is.
std::string pad_right(std::string_view text, std::size_t width);
std::string pad_left(std::string_view text, std::size_t width);

/// The text with control characters (escape sequences, line ends, tabs) replaced by a space and invalid UTF-8 by
/// U+FFFD: what a file name or class name may show on a terminal or in a page.
std::string printable(std::string_view text);

}  // namespace scoresde
