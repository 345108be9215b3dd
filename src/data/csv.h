#pragma once
#include <span>
#include <string>

#include "core/batch.h"
#include "core/file.h"

namespace scoresde {

/// Rows of numbers under a line of column names (none where `names` is empty), with as many digits as bring every
/// float32 back; replaced atomically.
void write_csv(const fs::path& path, const Batch& rows, std::span<const std::string> names = {});

}  // namespace scoresde
