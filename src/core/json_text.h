#pragma once
#include <string_view>

namespace scoresde {

/// Whether JSON text nests more than `depth` lists and objects. Parsers, copies and destructors of JSON recurse.
bool nested_deeper(std::string_view json, int depth);

}  // namespace scoresde
