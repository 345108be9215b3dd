#pragma once
#include "core/digest.h"
#include "train/checkpoint.h"

namespace scoresde {

/// For tests: a digest of the checkpoint that a run's `latest` names, but for the counters `ignored`.
inline std::string checkpoint_digest(const fs::path& run, std::initializer_list<const char*> ignored) {
  const fs::path set = run / "checkpoints" / "latest";
  const Safetensors state = read_safetensors(set / "state.safetensors");
  Json counters = Json::parse(state.metadata.at("state"));
  for (const char* name : ignored) counters.erase(name);
  Digest digest;
  digest.add(counters.dump());
  digest.add(read_text(set / "model.safetensors"));
  for (const auto& [name, tensor] : state.tensors) {
    digest.add(name);
    digest.add(tensor.bytes);
  }
  return digest.hex();
}

}  // namespace scoresde
