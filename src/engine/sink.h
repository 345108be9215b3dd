#pragma once
#include "engine/kernel.h"
#include "engine/simd_gradient.h"

namespace scoresde {

/// Where a result goes: y = result, plus base * scale where it is one contribution of several.
struct Sink {
  Place y;
  bool add = false;
  Place base = {};
  float scale = 1;

  simd::Base base_at(const Run& run, Size row) const {
    if (!add) return {};
    return {{run.source(base).data + row * base.stride, base.stride}, scale};
  }
};

}  // namespace scoresde
