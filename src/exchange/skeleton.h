#pragma once
#include <optional>
#include <vector>

#include "exchange/foreign_weights.h"

namespace scoresde {

/// What names and shapes say at once about one of score_sde's U-Nets.
struct NetSkeleton {
  struct Block {
    std::int64_t out;
    bool attention_follows;  ///< told by the names of PyTorch alone: flax counts each class of modules on its own
  };
  std::int64_t channels = 0, image_channels = 0;
  bool fourier = false, conditional = false, biggan = false, ordered = true;
  std::optional<bool> fir;  ///< where there is a convolution that resamples
  std::vector<Block> blocks;
  std::size_t attentions = 0;
};

/// Nothing where the names are not of that kind.
std::optional<NetSkeleton> read_skeleton(const ForeignWeights& weights);

}  // namespace scoresde
