#pragma once
#include <cmath>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <vector>

#include "core/error.h"
#include "core/text.h"

namespace scoresde {

/// Objects keep the order in which fields() lists them.
using Json = nlohmann::ordered_json;

/// The numbers a setting may take, both ends included.
struct Range {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
};

/// One setting of a configuration struct. A struct lists its settings once:
/// ```
/// struct OptimizerConfig {
///   double lr = 2e-4;
///   static constexpr auto fields() {
///     return std::tuple{field("lr", &OptimizerConfig::lr, "learning rate after the warm-up", {0, 1})};
///   }
/// };
/// ```
/// and TOML files, `--set a.b=c`, help, validation and the checkpoint's JSON all walk that list.
/// Members may be bool, integers, double, std::string, std::vector of the last three, and structs with fields().
template <class Struct, class Member>
struct Field {
  std::string_view name;
  Member Struct::*member;
  std::string_view help;
  Range range;
};

template <class Struct, class Member>
constexpr Field<Struct, Member> field(std::string_view name, Member Struct::*member, std::string_view help,
                                      Range range = {}) {
  return {name, member, help, range};
}

template <class T>
concept Config = requires {
  T::fields();
};

/// Reads a TOML file as JSON. Error{data} names the file, line and column.
Json read_toml(const std::string& path);

/// TOML text as JSON; `where` names it in messages.
Json parse_toml(std::string_view text, const std::string& where);

/// JSON of others: nothing is nested deeper than 32 (copying and dumping recurse). Discarded where it is no JSON.
Json parse_json(std::string_view text);

/// A setting given as text (`--set net.channels=64`) as JSON: a number, true/false, a list [a, b], or else a string.
Json parse_setting(std::string_view text);

/// JSON on one line for messages and files; bytes that are not UTF-8 become U+FFFD instead of an exception.
std::string shown(const Json& json);

/// JSON as TOML text.
std::string json_to_toml(const Json& json);

namespace detail {

template <class T>
struct IsVector : std::false_type {};
template <class T>
struct IsVector<std::vector<T>> : std::true_type {};

template <class T>
Json value_to_json(const T& value);

inline void check_range(std::string_view path, double value, Range range) {
  if (!(value >= range.low && value <= range.high))
    fail(Failure::usage, "{} = {} is outside [{}, {}]", path, value, range.low, range.high);
}

/// A whole number below 9e15 in size may be written as 5e4 or 64.0.
inline bool is_whole(const Json& json) {
  if (!json.is_number_float()) return json.is_number_integer();
  const auto number = json.get<double>();
  return number == std::floor(number) && std::abs(number) < 9e15;
}

template <class T>
void value_from_json(const Json& json, T& value, std::string_view path, Range range) {
  const auto wrong = [&](std::string_view wanted) {
    fail(Failure::usage, "{} = {} is not {}", path, shown(json), wanted);
  };
  if constexpr (std::is_same_v<T, bool>) {
    if (!json.is_boolean()) wrong("true or false");
    value = json.get<bool>();
  } else if constexpr (std::is_integral_v<T>) {
    if (!is_whole(json)) wrong("a whole number");
    // TOML's integers end at 2^63 - 1; more could not be read back from config.toml.
    constexpr std::int64_t low = std::is_unsigned_v<T> ? 0 : std::numeric_limits<T>::min();
    constexpr std::int64_t high = sizeof(T) < 8 ? static_cast<std::int64_t>(std::numeric_limits<T>::max())
                                                : std::numeric_limits<std::int64_t>::max();
    if (!std::isinf(range.low) || !std::isinf(range.high)) check_range(path, json.get<double>(), range);
    const auto number = json.get<std::int64_t>();
    const bool too_large = json.is_number_unsigned() && json.get<std::uint64_t>() > static_cast<std::uint64_t>(high);
    if (too_large || number < low || number > high)
      fail(Failure::usage, "{} = {} is outside [{}, {}]", path, shown(json), low, high);
    value = static_cast<T>(number);
  } else if constexpr (std::is_floating_point_v<T>) {
    if (!json.is_number()) wrong("a number");
    check_range(path, json.get<double>(), range);
    value = json.get<T>();
  } else if constexpr (std::is_same_v<T, std::string>) {
    if (!json.is_string()) wrong("a text");
    value = json.get<std::string>();
  } else if constexpr (IsVector<T>::value) {
    if (!json.is_array()) {  // one value where a list may stand: --set net.attention=14
      value.resize(1);
      return value_from_json(json, value[0], path, range);
    }
    value.resize(json.size());
    for (std::size_t i = 0; i < json.size(); ++i) value_from_json(json[i], value[i], path, range);
  }
}

}  // namespace detail

/// A configuration as JSON, every field present, in the order of fields().
template <Config C>
Json to_json(const C& config) {
  Json json = Json::object();
  std::apply([&](const auto&... f) { ((json[std::string(f.name)] = detail::value_to_json(config.*f.member)), ...); },
             C::fields());
  return json;
}

template <class T>
Json detail::value_to_json(const T& value) {
  if constexpr (Config<T>)
    return to_json(value);
  else
    return value;
}

/// Overwrites the fields that `json` names; the others keep their values.
/// Error{usage} for an unknown key (with the nearest known one), a wrong type, a value out of range.
template <Config C>
void update(C& config, const Json& json, std::string_view path = "") {
  const std::string prefix = path.empty() ? "" : std::string(path) + ".";
  if (!json.is_object()) fail(Failure::usage, "{} must be a table of settings", path.empty() ? "the file" : path);
  std::vector<std::string_view> names;
  std::apply([&](const auto&... f) { (names.push_back(f.name), ...); }, C::fields());
  for (const auto& [key, value] : json.items()) {
    bool known = false;
    const auto try_field = [&](const auto& f) {
      if (f.name != key) return;
      known = true;
      auto& member = config.*f.member;
      if constexpr (Config<std::remove_reference_t<decltype(member)>>)
        update(member, value, prefix + key);
      else
        detail::value_from_json(value, member, prefix + key, f.range);
    };
    std::apply([&](const auto&... f) { (try_field(f), ...); }, C::fields());
    if (!known) {
      const std::string near = nearest(key, names);
      fail(Failure::usage, "unknown setting '{}{}'{}; there are {}", prefix, key,
           near.empty() ? "" : ", did you mean '" + prefix + near + "'?", join(names));
    }
  }
}

/// `--set a.b=c`. Error{usage} as update(), or where there is no '='.
template <Config C>
void set(C& config, std::string_view assignment) {
  const std::size_t equals = assignment.find('=');
  if (equals == std::string_view::npos || equals == 0)
    fail(Failure::usage, "--set {} must have the form name=value", assignment);
  const std::vector<std::string> path = split(assignment.substr(0, equals), '.');
  const auto nested = [&](Json json) {
    for (auto part = path.rbegin(); part != path.rend(); ++part) json = Json{{*part, std::move(json)}};
    return json;
  };
  const std::string_view text = assignment.substr(equals + 1);
  C copy = config;
  try {
    update(copy, nested(parse_setting(text)));
  } catch (const Error&) {  // a text that looks like a number or a list is still a text where a text is wanted
    copy = config;
    bool is_text = true;
    try {
      update(copy, nested(std::string(text)));
    } catch (const Error&) {
      is_text = false;
    }
    if (!is_text) throw;
  }
  config = copy;
}

/// Calls visit(path, value as JSON, help, range) for every leaf setting.
template <Config C, class Visit>
void for_each_setting(const C& config, const Visit& visit, const std::string& prefix = "") {
  const auto visit_field = [&](const auto& f) {
    const auto& member = config.*f.member;
    if constexpr (Config<std::remove_cvref_t<decltype(member)>>)
      for_each_setting(member, visit, prefix + std::string(f.name) + ".");
    else
      visit(prefix + std::string(f.name), detail::value_to_json(member), f.help, f.range);
  };
  std::apply([&](const auto&... f) { (visit_field(f), ...); }, C::fields());
}

/// The configuration as the text of a TOML file.
template <Config C>
std::string to_toml(const C& config) {
  return json_to_toml(to_json(config));
}

}  // namespace scoresde
