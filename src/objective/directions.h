#pragma once
#include <span>
#include <string_view>

#include "nn/tensor.h"

namespace scoresde {

/// A row of the table of directions v along which sliced objectives look, all with E[v v^T] = I.
struct DirectionEntry {
  std::string_view name, summary;
  at::Tensor (*make)(const at::Tensor& z);  ///< z: N(0, I), a row a sample
};
std::span<const DirectionEntry> directions();

}  // namespace scoresde
