#pragma once
#include <span>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/text.h"

namespace scoresde {

/// The row of a table whose `name` is `name`. Every folder of members has one such table; names in the command line,
/// help, error messages and tests are all read from it.
/// Error{usage}: "no solver 'hoin'; did you mean 'heun'? There are euler, heun, ..."
template <class Entry>
const Entry& find_entry(std::string_view kind, std::span<const Entry> table, std::string_view name) {
  std::vector<std::string_view> names;
  for (const Entry& entry : table) {
    if (entry.name == name) return entry;
    names.push_back(entry.name);
  }
  const std::string near = nearest(name, names);
  fail(Failure::usage, "no {} '{}'{}; there are {}", kind, name, near.empty() ? "" : ", did you mean '" + near + "'?",
       join(names));
}

}  // namespace scoresde
