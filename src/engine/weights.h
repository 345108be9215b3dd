#pragma once
#include <map>
#include <string>
#include <vector>

#include "core/safetensors.h"
#include "net/graph.h"

namespace scoresde {

/// The weights of a checkpoint in the order of the graph's parameters, in float32. Error{data} where they do not fit.
class FloatWeights {
 public:
  /// Those of the checkpoint itself where they are float32 already: it has to outlive this.
  FloatWeights(const Graph& graph, const std::map<std::string, Tensor>& weights);
  /// The same, but the weights are this one's own.
  FloatWeights(const Graph& graph, std::map<std::string, Tensor>&& weights);

  const std::vector<const float*>& pointers() const { return pointers_; }

  /// One of the readers of a parameter is done: after the last one, own memory is given back.
  void release(int parameter);

 private:
  struct Own {
    int readers = 0;
    Tensor tensor;
    std::vector<float> converted;
  };
  std::vector<Own> own_;
  std::vector<const float*> pointers_;
};

}  // namespace scoresde
