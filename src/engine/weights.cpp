#include "engine/weights.h"

#include "net/model.h"

namespace scoresde {

FloatWeights::FloatWeights(const Graph& graph, const std::map<std::string, Tensor>& weights)
    : own_(graph.parameters.size()) {
  check_weights(graph, weights, "the model");
  for (const Node& node : graph.nodes)
    for (const int parameter : node.parameters) ++own_[static_cast<std::size_t>(parameter)].readers;
  for (std::size_t i = 0; i < own_.size(); ++i) {
    const Tensor& tensor = weights.at(graph.parameters[i].name);
    if (tensor.dtype == Dtype::f64) own_[i].converted.assign(tensor.f64().begin(), tensor.f64().end());
    pointers_.push_back(tensor.dtype == Dtype::f64 ? own_[i].converted.data() : tensor.f32().data());
  }
}

FloatWeights::FloatWeights(const Graph& graph, std::map<std::string, Tensor>&& weights)
    : FloatWeights(graph, std::as_const(weights)) {
  for (std::size_t i = 0; i < own_.size(); ++i) own_[i].tensor = std::move(weights.at(graph.parameters[i].name));
  weights.clear();
}

void FloatWeights::release(int parameter) {
  Own& own = own_[static_cast<std::size_t>(parameter)];
  if (--own.readers > 0) return;
  own = {};
  pointers_[static_cast<std::size_t>(parameter)] = nullptr;
}

}  // namespace scoresde
