#pragma once
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "report/table.h"

namespace scoresde {

/// A number held to what it must be.
struct Check {
  std::string row, column;  ///< its place in the table: a solver and an SDE, say
  double measured = 0;
  double low = 0, high = 0;  ///< it passes within these
  std::string declared;      ///< what its row promises, or ""

  bool passed() const { return measured >= low && measured <= high; }  // NaN does not
};

struct VerifyOptions {
  bool full = false;  ///< more samples, finer steps, every pair: minutes
  int threads = 1;    ///< of speed only
};

/// The checks of one kind. `note` says in a sentence or two what a number is and when it passes.
struct CheckTable {
  std::string title, note, row_header;
  std::vector<Check> checks;
};

/// A row of the table of verifications.
struct VerificationEntry {
  std::string_view name, summary;
  std::vector<CheckTable> (*run)(const VerifyOptions&);
  bool minutes = false;  ///< runs only when asked for by name, or with everything in full
};
std::span<const VerificationEntry> verifications();

/// One line a row and one column a column of the checks, in the order in which they first appear. What does not pass
/// is followed by " !".
Table table_of(const CheckTable& checks);

/// All checks done by options.threads threads: `measure` fills `measured` (and may narrow the bounds).
void run_checks(std::vector<Check>& checks, const VerifyOptions& options, const std::function<void(Check&)>& measure);

}  // namespace scoresde
