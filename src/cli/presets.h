#pragma once
#include <span>
#include <string_view>

namespace scoresde {

/// A named starting point for `train`: settings in TOML that replace the defaults.
struct Preset {
  std::string_view name, summary, toml;
};
std::span<const Preset> presets();

}  // namespace scoresde
