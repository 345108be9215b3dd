#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace scoresde {

/// Rows of text, written for a terminal, for Markdown or for a page from one description. A column whose cells are
/// all numbers (with a unit, a sign, ±, or a dash for "none") is set flush right.
/// ```
/// Table table{{"solver", "NFE", "seconds"}, {{"heun", "35", "1.20"}, {"ddim", "50", "0.91"}}};
/// std::cout << text_table(table);
/// ```
struct Table {
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> rows;  ///< a short row is filled with empty cells
};

/// Whether column `k` holds numbers only (and at least one).
bool is_number_column(const Table& table, std::size_t k);

/// For a terminal: aligned columns, a rule under the header, no line wider than `columns` (long cells of text are
/// wrapped at spaces in further lines; a number is never split).
std::string text_table(const Table& table, std::size_t columns = 80);

/// Lines of at most `width` columns, broken at spaces.
std::string wrapped_text(std::string_view text, std::size_t width = 80);

/// GitHub's form, `|` escaped.
std::string markdown_table(const Table& table);

/// A <table> with <thead>, escaped; cells of number columns carry class="number".
std::string html_table(const Table& table);

}  // namespace scoresde
