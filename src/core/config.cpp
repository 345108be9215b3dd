#include "core/config.h"

#include <toml++/toml.h>

#include <sstream>

#include "core/file.h"
#include "core/json_text.h"

namespace scoresde {
namespace {

Json from_toml(const toml::node& node) {
  if (const auto* table = node.as_table()) {
    Json json = Json::object();
    for (const auto& [key, value] : *table) json[std::string(key.str())] = from_toml(value);
    return json;
  }
  if (const auto* array = node.as_array()) {
    Json json = Json::array();
    for (const auto& value : *array) json.push_back(from_toml(value));
    return json;
  }
  if (const auto* value = node.as_string()) return value->get();
  if (const auto* value = node.as_integer()) return value->get();
  if (const auto* value = node.as_floating_point()) return value->get();
  if (const auto* value = node.as_boolean()) return value->get();
  std::ostringstream text;  // dates and times have no meaning here; keep what was written
  text << toml::node_view(&node);
  return text.str();
}

std::string scalar_to_toml(const Json& value) {
  if (value.is_number_float()) {
    const double number = value.get<double>();
    if (std::isinf(number)) return number > 0 ? "inf" : "-inf";
    if (std::isnan(number)) return "nan";
  }
  if (!value.is_string()) return value.dump();
  // JSON's escapes are TOML's, but for DEL, which TOML wants escaped as well.
  std::string text;
  for (char c : shown(value)) text += c == '\x7f' ? std::string("\\u007f") : std::string(1, c);
  return text;
}

void write_table(const Json& json, const std::string& path, std::string& out) {
  for (const auto& [key, value] : json.items()) {
    if (value.is_object()) continue;
    if (!value.is_array()) {
      out += fmt::format("{} = {}\n", key, scalar_to_toml(value));
      continue;
    }
    std::string list;
    for (const auto& item : value) list += (list.empty() ? "" : ", ") + scalar_to_toml(item);
    out += fmt::format("{} = [{}]\n", key, list);
  }
  for (const auto& [key, value] : json.items()) {
    if (!value.is_object()) continue;
    const std::string name = path.empty() ? key : path + "." + key;
    out += fmt::format("\n[{}]\n", name);
    write_table(value, name, out);
  }
}

Json word_or_number(std::string_view text) {
  const Json json = parse_json(text);
  double number;
  if (!json.is_discarded()) return json;
  return parse_number(text, number) ? Json(number) : Json(std::string(text));
}

}  // namespace

Json parse_toml(std::string_view text, const std::string& where) {
  try {
    return from_toml(toml::parse(text));
  } catch (const toml::parse_error& error) {
    const auto place = error.source().begin;
    fail(Failure::data, "{}: line {}, column {}: {}", where, place.line, place.column, error.description());
  }
}

Json read_toml(const std::string& path) { return parse_toml(read_text(path), path); }

Json parse_json(std::string_view text) {
  return nested_deeper(text, 32) ? Json(Json::value_t::discarded) : Json::parse(text, nullptr, false);
}

Json parse_setting(std::string_view text) {
  Json json = word_or_number(text);
  if (!json.is_string() || text.size() < 2 || text.front() != '[' || text.back() != ']') return json;
  json = Json::array();  // [a, b]: words need no quotes
  for (const std::string& item : split(text.substr(1, text.size() - 2), ',')) {
    const std::size_t first = item.find_first_not_of(' '), last = item.find_last_not_of(' ');
    json.push_back(first == std::string::npos ? Json("")
                                              : word_or_number(std::string_view(item).substr(first, last - first + 1)));
  }
  return json;
}

std::string shown(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

std::string json_to_toml(const Json& json) {
  std::string out;
  write_table(json, "", out);
  return out;
}

}  // namespace scoresde
