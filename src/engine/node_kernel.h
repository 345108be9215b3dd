#pragma once
#include <functional>

#include "engine/plan.h"

namespace scoresde {

/// The picture that a convolution, pooling or resampling node works on; one pixel for a row of numbers.
ConvShape conv_shape(const Graph& graph, const Node& node);

/// The step of a node by itself, x(k) being the place of its k-th input (of a label: of the caller's labels). Not for
/// products, concatenations and dropout.
KernelPtr make_node(const Graph& graph, const Node& node, const Weights& weights,
                    const std::function<Place(std::size_t)>& x, const Place& y);

}  // namespace scoresde
