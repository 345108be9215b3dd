#include "engine/weights.h"

namespace scoresde {

std::vector<std::vector<float>> single_precision(const Graph& graph, const std::map<std::string, Tensor>& weights) {
  std::vector<std::vector<float>> result(graph.parameters.size());
  for (std::size_t i = 0; i < graph.parameters.size(); ++i) {
    const Tensor& tensor = weights.at(graph.parameters[i].name);
    if (tensor.dtype == Dtype::f64)
      result[i].assign(tensor.f64().begin(), tensor.f64().end());
    else
      result[i].assign(tensor.f32().begin(), tensor.f32().end());
  }
  return result;
}

}  // namespace scoresde
