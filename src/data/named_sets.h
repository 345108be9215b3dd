#pragma once
#include <span>
#include <string_view>

#include "data/dataset.h"

namespace scoresde {

/// The part of a data set that `#train` or `#test` asks for; `whole` where nothing is asked.
enum class Split { whole, train, test };

/// A data set that is known by name.
struct NamedSet {
  std::string_view name, summary;
  bool has_split;
  Dataset (*load)(Split split, const LoadOptions& options);
};

/// Every named set: the one list behind the command line, help, and tests.
std::span<const NamedSet> named_sets();

/// A file or folder that ships with the project: under the environment variable SCORESDE_DATA, the source tree's data/,
/// or ../share/scoresde/data beside the binary; Error{data} says where it was looked for.
fs::path shipped_data(std::string_view relative);

}  // namespace scoresde
