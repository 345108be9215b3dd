#pragma once
#include <cstdint>
#include <span>
#include <string_view>

#include "sde/sde.h"

namespace scoresde {

/// Pictures hold 8-bit levels u; a density gives them a probability through noise that fills the bin of a level:
/// log P(u) >= E[log p_t(x)] + log_volume for one draw of x, with equality where p_t is constant over the bin.
struct Dequantised {
  Batch x;
  double t;          ///< x lies at this time of the SDE
  Times log_volume;  ///< -log q(x | u)
};

/// A row of the table of dequantisations. `levels`: rows in model units, u / 127.5 - 1. Draw `draw` of a sample is
/// addressed by (Purpose::dequantise; seed, sample, draw).
struct DequantisationEntry {
  std::string_view name, summary;
  Dequantised (*draw)(const Sde& sde, const Batch& levels, std::uint64_t seed, std::span<const std::uint64_t> samples,
                      std::uint32_t draw);
  bool at_data;  ///< x lies at t = 0 as data do, and t is where a flow may take it up: what is between is truncated
};
std::span<const DequantisationEntry> dequantisations();

}  // namespace scoresde
