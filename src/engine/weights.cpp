#include "engine/weights.h"

namespace scoresde {

FloatWeights::FloatWeights(const Graph& graph, const std::map<std::string, Tensor>& weights) {
  for (const Parameter& parameter : graph.parameters) {
    const Tensor& tensor = weights.at(parameter.name);
    if (tensor.dtype == Dtype::f64) {
      converted_.emplace_back(tensor.f64().begin(), tensor.f64().end());
      pointers_.push_back(converted_.back().data());
    } else {
      pointers_.push_back(tensor.f32().data());
    }
  }
}

}  // namespace scoresde
