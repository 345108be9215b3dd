#pragma once
#include <optional>
#include <string>
#include <vector>

#include "core/config.h"
#include "exchange/document.h"

namespace scoresde {

/// The weights of a checkpoint, told apart from everything else that it holds.
struct ForeignWeights {
  std::vector<NamedArray> raw;      ///< as the optimiser left them, in the file's order, without wrappers' prefixes
  std::vector<NamedArray> average;  ///< their moving average; empty where the file has none
  bool average_has_names = true;    ///< otherwise it is a list: the trainable parameters in order
  std::optional<NamedArray> noise_levels;  ///< score_sde's buffer `sigmas`, from the largest down
  long long step = 0;                      ///< updates of the optimiser
  std::optional<Json> spec;                ///< what our own export says about the model
  bool flax = false;                       ///< names and axes of flax
};

/// Knows score_sde's {optimizer, model, ema, step} with its prefix `module.` and its unnamed list of averages, its JAX
/// twin's State, {"state_dict": ...} and the like, and plain tables of arrays. Error{data} where there are no arrays;
/// `where` names the file.
ForeignWeights find_weights(const Document& document, const std::string& where);

}  // namespace scoresde
