#include <torch/csrc/autograd/autograd.h>

#include "nn/network.h"

namespace scoresde {

at::Tensor raw_output(const Graph& graph, std::span<const at::Tensor> parameters, const at::Tensor& x,
                      const at::Tensor& label, const at::Tensor& class_label, const ForwardOptions& options) {
  if (!graph.energy) return evaluate(graph, parameters, x, label, class_label, options);
  const bool differentiable = at::GradMode::is_enabled();
  const at::AutoGradMode gradients(true);
  const at::Tensor at_x = differentiable && x.requires_grad() ? x : x.detach().set_requires_grad(true);
  const at::Tensor energy = evaluate(graph, parameters, at_x, label, class_label, options).sum();
  const at::Tensor slope = torch::autograd::grad({energy}, {at_x}, {}, differentiable, differentiable).at(0);
  return differentiable ? -slope : (-slope).detach();
}

}  // namespace scoresde
