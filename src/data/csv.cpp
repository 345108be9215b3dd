#include "data/csv.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "core/text.h"
#include "data/formats.h"

namespace scoresde {
namespace {

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return {};
  text = text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') text = text.substr(1, text.size() - 2);
  return text;
}

/// The cells of a line; a separator between quotes does not separate. Blanks separate in runs.
void split_cells(std::string_view line, char separator, std::vector<std::string_view>& cells) {
  cells.clear();
  bool inside = false;
  std::size_t start = 0;
  for (std::size_t i = 0; i <= line.size(); ++i) {
    if (i < line.size() && line[i] == '"') inside = !inside;
    if (i < line.size() && (inside || line[i] != separator)) continue;
    const std::string_view cell = trimmed(line.substr(start, i - start));
    if (separator != ' ' || !cell.empty()) cells.push_back(cell);
    start = i + 1;
  }
}

char csv_separator(std::string_view line) {
  for (const char candidate : {',', ';', '\t'})
    if (line.find(candidate) != std::string_view::npos) return candidate;
  return ' ';
}

class CsvReader {
 public:
  explicit CsvReader(const fs::path& path) : where_(path.string()), text_(read_text(path)) {}

  Dataset read() {
    std::string_view rest = text_;
    if (rest.starts_with("\xef\xbb\xbf")) rest.remove_prefix(3);
    for (std::size_t number = 1; !rest.empty(); ++number) {
      const std::size_t end = std::min(rest.find('\n'), rest.size());
      take_line(rest.substr(0, end), number);
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    if (columns_ == 0 || set_.count == 0) fail(Failure::data, "{} holds no row of numbers", where_);
    set_.shape = {.channels = static_cast<int>(columns_ - (label_ ? 1 : 0)), .height = 1, .width = 1, .image = false};
    if (set_.shape.channels < 1) fail(Failure::data, "{} has labels only", where_);
    return std::move(set_);
  }

 private:
  void take_line(std::string_view line, std::size_t number) {
    if (trimmed(line).empty()) {
      if (blank_ == 0) blank_ = number;
      return;
    }
    if (blank_ != 0) fail(Failure::data, "{}: line {} is empty", where_, blank_);
    const bool first = columns_ == 0;
    if (first) separator_ = csv_separator(line);
    split_cells(line, separator_, cells_);
    if (first) {
      columns_ = cells_.size();
      if (take_names()) return;
    }
    if (cells_.size() != columns_)
      fail(Failure::data, "{}: line {} has {} columns, the first has {}", where_, number, cells_.size(), columns_);
    for (std::size_t c = 0; c < columns_; ++c) take_cell(cells_[c], number, c);
    ++set_.count;
  }

  /// The first line names the columns where none of its cells is a number.
  bool take_names() {
    double value;
    if (std::any_of(cells_.begin(), cells_.end(), [&](std::string_view cell) { return parse_number(cell, value); }))
      return false;
    for (std::size_t c = 0; c < columns_; ++c) {
      if (!label_ && (cells_[c] == "label" || cells_[c] == "class"))
        label_ = c;
      else
        set_.column_names.emplace_back(cells_[c]);
    }
    return true;
  }

  void take_cell(std::string_view cell, std::size_t line, std::size_t column) {
    double value;
    if (!parse_number(cell, value) || !std::isfinite(static_cast<float>(value)))
      fail(Failure::data, "{}: line {}, column {}: '{}' is not a finite number", where_, line, column + 1,
           cell.substr(0, 40));
    if (label_ != column) {
      set_.values.push_back(static_cast<float>(value));
    } else {
      if (!(value >= 0 && value < 1e5) || value != std::floor(value))
        fail(Failure::data, "{}: line {}: label {} is not a whole number in [0, 100000)", where_, line, value);
      set_.labels.push_back(static_cast<std::int32_t>(value));
    }
  }

  std::string where_, text_;
  Dataset set_;
  std::vector<std::string_view> cells_;
  std::optional<std::size_t> label_;
  std::size_t columns_ = 0, blank_ = 0;
  char separator_ = ',';
};

}  // namespace

Dataset load_csv_file(const fs::path& path) { return CsvReader(path).read(); }

void write_csv(const fs::path& path, const Batch& rows, std::span<const std::string> names) {
  fmt::memory_buffer out;
  for (std::size_t c = 0; c < names.size(); ++c)
    fmt::format_to(std::back_inserter(out), "{}{}", c ? "," : "", names[c]);
  if (!names.empty()) out.push_back('\n');
  for (Index r = 0; r < rows.rows(); ++r) {
    for (Index c = 0; c < rows.cols(); ++c)
      fmt::format_to(std::back_inserter(out), "{}{}", c ? "," : "", static_cast<float>(rows(r, c)));
    out.push_back('\n');
  }
  write_atomically(path, std::string_view(out.data(), out.size()));
}

}  // namespace scoresde
