#pragma once
#include <map>
#include <string>
#include <vector>

#include "core/safetensors.h"
#include "net/graph.h"

namespace scoresde {

/// The weights of a checkpoint in the order of the graph's parameters, in float32.
std::vector<std::vector<float>> single_precision(const Graph& graph, const std::map<std::string, Tensor>& weights);

}  // namespace scoresde
