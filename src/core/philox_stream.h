#pragma once
#include "core/noise.h"
#include "core/philox.h"

namespace scoresde {

/// The random bits behind an address: four words a block.
struct PhiloxStream {
  std::array<std::uint32_t, 2> key;
  std::array<std::uint32_t, 3> place;

  std::array<std::uint32_t, 4> block(std::uint64_t index) const {
    return philox({static_cast<std::uint32_t>(index), place[0], place[1], place[2]}, key);
  }
};

/// Error{usage} for an address out of range.
PhiloxStream philox_stream(const NoiseAddress& address);

}  // namespace scoresde
