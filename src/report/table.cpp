#include "report/table.h"

#include <algorithm>
#include <numeric>
#include <string_view>

#include "report/markup.h"
#include "report/utf8.h"

namespace scoresde {
namespace {

constexpr std::size_t kColumnGap = 2;
constexpr std::size_t kNarrowest = 6;  // a column of text is not wrapped below this

std::size_t column_count(const Table& table) {
  std::size_t count = table.header.size();
  for (const auto& row : table.rows) count = std::max(count, row.size());
  return count;
}

std::string cell_of(const std::vector<std::string>& row, std::size_t k) {
  return k < row.size() ? printable(row[k]) : std::string();
}

bool is_dash(std::string_view cell) {
  return cell == "-" || cell == "–" || cell == "—" || cell == "?" || cell == "nan";
}

bool looks_like_number(std::string_view cell) {
  for (std::string_view sign : {"+", "-", "−", "~", "≈", "<", ">", "±", "≤", "≥"})
    if (cell.starts_with(sign)) {
      cell.remove_prefix(sign.size());
      break;
    }
  if (cell.starts_with("inf") || cell.starts_with("∞")) return true;
  if (cell.starts_with(".")) cell.remove_prefix(1);
  if (cell.empty() || cell[0] < '0' || cell[0] > '9') return false;
  // "28x28 images" and "2M steps" are words: behind the number there may be an uncertainty and one short unit.
  const std::size_t stop = cell.find_first_not_of("0123456789.,eE+-");
  std::string_view rest = stop == std::string_view::npos ? std::string_view() : cell.substr(stop);
  if (rest.starts_with(" ±") || rest.starts_with("±")) return true;
  if (rest.starts_with(" ")) rest.remove_prefix(1);
  return rest.empty() || (display_width(rest) <= 8 && rest.find_first_of("0123456789") == std::string_view::npos);
}

/// Lines of at most `width` columns, broken at spaces; a longer word is cut with "…".
std::vector<std::string> wrapped(std::string_view text, std::size_t width) {
  std::vector<std::string> lines(1);
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    const std::string word = fit_width(text.substr(0, end), width);
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::size_t has = display_width(lines.back());
    if (has > 0 && has + 1 + display_width(word) > width) lines.emplace_back();
    if (!lines.back().empty()) lines.back() += ' ';
    lines.back() += word;
  }
  return lines;
}

std::vector<std::size_t> column_widths(const Table& table, std::size_t columns) {
  const std::size_t count = column_count(table);
  std::vector<std::size_t> widths(count);
  std::vector<bool> number(count);
  for (std::size_t k = 0; k < count; ++k) {
    number[k] = is_number_column(table, k);
    widths[k] = display_width(cell_of(table.header, k));
    for (const auto& row : table.rows) widths[k] = std::max(widths[k], display_width(cell_of(row, k)));
  }
  const std::size_t gaps = count > 0 ? kColumnGap * (count - 1) : 0;
  for (bool numbers_too : {false, true})
    while (std::accumulate(widths.begin(), widths.end(), gaps) > columns) {
      std::size_t widest = count;
      for (std::size_t k = 0; k < count; ++k)
        if ((numbers_too || !number[k]) && widths[k] > (numbers_too ? 1 : kNarrowest) &&
            (widest == count || widths[k] > widths[widest]))
          widest = k;
      if (widest == count) break;
      --widths[widest];
    }
  return widths;
}

void append_text_row(std::string& out, const std::vector<std::string>& row, const std::vector<std::size_t>& widths,
                     const std::vector<bool>& right) {
  std::vector<std::vector<std::string>> cells;
  std::size_t lines = 1;
  for (std::size_t k = 0; k < widths.size(); ++k) {
    cells.push_back(wrapped(cell_of(row, k), widths[k]));
    lines = std::max(lines, cells.back().size());
  }
  for (std::size_t l = 0; l < lines; ++l) {
    std::string line;
    for (std::size_t k = 0; k < widths.size(); ++k) {
      const std::string part = l < cells[k].size() ? cells[k][l] : "";
      line += right[k] ? pad_left(part, widths[k]) : pad_right(part, widths[k]);
      if (k + 1 < widths.size()) line.append(kColumnGap, ' ');
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + '\n';
  }
}

std::string escape_markdown_cell(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '|' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

}  // namespace

bool is_number_column(const Table& table, std::size_t k) {
  bool any = false;
  for (const auto& row : table.rows) {
    const std::string cell = cell_of(row, k);
    if (cell.empty() || is_dash(cell)) continue;
    if (!looks_like_number(cell)) return false;
    any = true;
  }
  return any;
}

std::string text_table(const Table& table, std::size_t columns) {
  const std::vector<std::size_t> widths = column_widths(table, columns);
  std::vector<bool> right(widths.size());
  for (std::size_t k = 0; k < widths.size(); ++k) right[k] = is_number_column(table, k);
  std::string out;
  if (!table.header.empty()) {
    append_text_row(out, table.header, widths, right);
    for (std::size_t k = 0; k < widths.size(); ++k) {
      for (std::size_t c = 0; c < widths[k]; ++c) out += "─";
      out += k + 1 < widths.size() ? "  " : "\n";
    }
  }
  for (const auto& row : table.rows) append_text_row(out, row, widths, right);
  return out;
}

std::string wrapped_text(std::string_view text, std::size_t width) {
  std::string out;
  for (const std::string& line : wrapped(text, width)) out += (out.empty() ? "" : "\n") + line;
  return out;
}

std::string markdown_table(const Table& table) {
  const std::size_t count = column_count(table);
  const auto row_text = [count](const std::vector<std::string>& row) {
    std::string line = "|";
    for (std::size_t k = 0; k < count; ++k) line += " " + escape_markdown_cell(cell_of(row, k)) + " |";
    return line + "\n";
  };
  std::string out = row_text(table.header) + "|";
  for (std::size_t k = 0; k < count; ++k) out += is_number_column(table, k) ? " ---: |" : " --- |";
  out += '\n';
  for (const auto& row : table.rows) out += row_text(row);
  return out;
}

std::string html_table(const Table& table) {
  const std::size_t count = column_count(table);
  const auto row_markup = [&](const std::vector<std::string>& row, std::string_view tag) {
    std::string line = "<tr>";
    for (std::size_t k = 0; k < count; ++k) {
      line += std::string("<") + std::string(tag) + (tag == "th" ? " scope=\"col\"" : "") +
              (is_number_column(table, k) ? " class=\"number\">" : ">");
      line += escape_markup(cell_of(row, k)) + "</" + std::string(tag) + ">";
    }
    return line + "</tr>\n";
  };
  std::string out = "<table>\n";
  if (!table.header.empty()) out += "<thead>" + row_markup(table.header, "th") + "</thead>\n";
  out += "<tbody>\n";
  for (const auto& row : table.rows) out += row_markup(row, "td");
  return out + "</tbody>\n</table>\n";
}

}  // namespace scoresde
