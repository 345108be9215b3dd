#pragma once
#include <span>

#include "core/image.h"

namespace scoresde {

/// An endless animated GIF, `centiseconds` a frame. Grey frames keep their 256 levels; RGB goes to a fixed cube of
/// 6 x 7 x 6 colours, so that the palette does not flicker. All frames must have one size. Deterministic bytes.
void write_gif(const fs::path& path, std::span<const Image> frames, int centiseconds = 8);

}  // namespace scoresde
