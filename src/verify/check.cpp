#include "verify/check.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/parallel.h"

namespace scoresde {
namespace {

std::size_t index_in(std::vector<std::string>& names, const std::string& name) {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) names.push_back(name);
  return static_cast<std::size_t>(std::find(names.begin(), names.end(), name) - names.begin());
}

// Two digits behind the point, or the power of ten of what is smaller: 0.98, 12.34, 4e-09.
std::string check_text(const Check& check) {
  const double size = std::abs(check.measured);
  const std::string text = size != 0 && (size < 1e-2 || size >= 1e4) ? fmt::format("{:.0e}", check.measured)
                                                                     : fmt::format("{:.2f}", check.measured);
  return check.passed() ? text : text + " !";
}

}  // namespace

Table table_of(const CheckTable& checks) {
  std::vector<std::string> rows, columns;
  for (const Check& check : checks.checks) index_in(rows, check.row), index_in(columns, check.column);
  const bool declares =
      std::any_of(checks.checks.begin(), checks.checks.end(), [](const Check& c) { return !c.declared.empty(); });
  Table table{{checks.row_header}, {}};
  if (declares) table.header.push_back("declared");
  const std::size_t first = table.header.size();
  for (const std::string& column : columns) table.header.push_back(column);
  for (const std::string& row : rows) {
    table.rows.emplace_back(table.header.size(), "-");
    table.rows.back()[0] = row;
  }
  for (const Check& check : checks.checks) {
    auto& row = table.rows[index_in(rows, check.row)];
    row[first + index_in(columns, check.column)] = check_text(check);
    if (declares) row[1] = check.declared;
  }
  return table;
}

void run_checks(std::vector<Check>& checks, const VerifyOptions& options, const std::function<void(Check&)>& measure) {
  parallel_for(checks.size(), options.threads, [&](std::size_t i) { measure(checks[i]); });
}

}  // namespace scoresde
