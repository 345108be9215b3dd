#pragma once
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "core/safetensors.h"

namespace scoresde {

/// What a `.pth` file of ours holds: score_sde's layout without the optimiser's state.
struct TorchCheckpoint {
  std::vector<std::pair<std::string, const Tensor*>> model;  ///< a state_dict, in order
  std::vector<const Tensor*> average;                        ///< ema.shadow_params
  double decay = 0;                                          ///< ema.decay
  std::int64_t updates = 0, step = 0;
  std::string spec;  ///< our description of the model, a text that Python may ignore
};

/// The bytes of a file that torch.load (PyTorch 1.6 and later, weights_only as well) reads as
/// {"model": OrderedDict, "ema": {"decay", "num_updates", "shadow_params"}, "step", "scoresde"}: an archive of stored
/// files whose pickle names tensors, storages and OrderedDict alone.
std::vector<std::uint8_t> torch_checkpoint_bytes(const TorchCheckpoint& checkpoint);

}  // namespace scoresde
