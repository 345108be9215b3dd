#pragma once
#include <array>
#include <span>
#include <string_view>

#include "core/config.h"

namespace scoresde {

/// A named starting point for `train`: settings in TOML that replace the defaults, part by part.
struct Preset {
  std::string_view name, summary;
  std::array<std::string_view, 6> parts;
  std::string_view reference = {};  ///< the configuration of score_sde that it is, such as "ve/cifar10_ncsnpp"
};
std::span<const Preset> presets();

/// The settings of all its parts as one; the later part wins.
Json preset_settings(const Preset& preset);

}  // namespace scoresde
