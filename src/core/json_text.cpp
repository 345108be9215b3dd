#include "core/json_text.h"

#include <cstddef>

namespace scoresde {

bool nested_deeper(std::string_view json, int depth) {
  bool quoted = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (c == '"') quoted = !quoted;
    if (quoted && c == '\\') ++i;
    if (!quoted && (c == '[' || c == '{') && --depth < 0) return true;
    if (!quoted && (c == ']' || c == '}')) ++depth;
  }
  return false;
}

}  // namespace scoresde
