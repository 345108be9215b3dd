#pragma once
#include <map>
#include <string>
#include <vector>

#include "core/safetensors.h"
#include "net/graph.h"

namespace scoresde {

/// The weights of a checkpoint in the order of the graph's parameters, in float32: those of the checkpoint itself where
/// they are that already, so it has to outlive this.
class FloatWeights {
 public:
  FloatWeights(const Graph& graph, const std::map<std::string, Tensor>& weights);

  const std::vector<const float*>& pointers() const { return pointers_; }

 private:
  std::vector<std::vector<float>> converted_;
  std::vector<const float*> pointers_;
};

}  // namespace scoresde
