#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace scoresde {

/// The candidate with the smallest edit distance to `word`, or "" where none is near enough to be meant
/// (distance over half the word's length).
std::string nearest(std::string_view word, std::span<const std::string_view> candidates);

/// "a, b, c".
std::string join(std::span<const std::string_view> words, std::string_view separator = ", ");

/// "(16, 7, 7)".
std::string shape_text(std::span<const std::int64_t> shape);

/// "a,b,c" -> {"a", "b", "c"}; an empty text gives no parts.
std::vector<std::string> split(std::string_view text, char separator);

/// The whole text as a number; false where it is not one (trailing characters included). Independent of the locale.
bool parse_number(std::string_view text, double& value);
bool parse_number(std::string_view text, long long& value);

/// A duration as a person says it: "850 ms", "12.3 s", "4 min 05 s", "2 h 10 min".
std::string duration_text(double seconds);

/// 12345678 -> "12,345,678".
std::string grouped(long long value);

}  // namespace scoresde
