#pragma once
#include <vector>

#include "engine/sink.h"
#include "net/graph.h"

namespace scoresde {

/// One axis of a linear resampling: output i is the sum of `weight` times input `from` over its terms.
struct AxisTerm {
  Size from;
  float weight;
};
using Axis = std::vector<std::vector<AxisTerm>>;

/// A linear map of pictures that is a product of one for each axis.
struct Resampling {
  Axis down, across;
  Size in_height, in_width;
};

/// Taps that a fir node may have.
inline constexpr std::size_t most_fir_taps = 16;

/// That of an upsample, downsample, bilinear or fir node with inputs of height x width.
Resampling resampling_of(const Node& node, Size in_height, Size in_width);

/// The transposed map.
Resampling transposed(const Resampling& resampling);

KernelPtr make_resampling(const Resampling& resampling, const Place& x, const Sink& y);

}  // namespace scoresde
