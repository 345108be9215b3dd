#pragma once
#include "core/safetensors.h"

namespace scoresde {

/// A tensor still in the bytes of its file.
struct TensorView {
  Dtype dtype = Dtype::f32;
  std::vector<std::int64_t> shape;
  std::span<const std::uint8_t> bytes;
};

struct SafetensorsView {
  std::map<std::string, TensorView> tensors;
  std::map<std::string, std::string> metadata;
};

/// A safetensors file in memory, checked as read_safetensors() does; `where` names it in messages.
SafetensorsView view_safetensors(std::span<const std::uint8_t> file, const std::string& where);

}  // namespace scoresde
