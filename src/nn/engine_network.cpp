#include "nn/engine_network.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/variable.h>

#include <algorithm>

#include "core/error.h"
#include "engine/gradient.h"
#include "engine/plan.h"

namespace scoresde {
namespace {

using torch::autograd::variable_list;

const float* values_of(const at::Tensor& tensor) { return tensor.data_ptr<float>(); }

at::Tensor plain(const at::Tensor& tensor) {
  if (tensor.scalar_type() != at::kFloat || !tensor.device().is_cpu())
    fail(Failure::usage, "the engine takes float32 on the CPU");
  return tensor.detach().contiguous();
}

/// The derivative of one pass. Inputs: x, then the parameters.
class PassBackward : public torch::autograd::Node {
 public:
  PassBackward(std::shared_ptr<Differentiator> pass, const at::Tensor& x, at::TensorList parameters,
               std::vector<at::Tensor> weights)
      : Node(torch::autograd::collect_next_edges(x, parameters)),
        pass_(std::move(pass)),
        x_(x.detach()),
        weights_(std::move(weights)) {}

  variable_list apply(variable_list&& slopes) override {
    if (at::GradMode::is_enabled()) fail(Failure::run, "the engine has no second derivatives");
    if (!pass_) fail(Failure::run, "the engine gives the derivative of a pass once");
    const at::Tensor slope = plain(slopes.at(0));
    variable_list result(1 + weights_.size());
    std::vector<float*> parameters(weights_.size(), nullptr);
    const auto wanted = [&](std::size_t i, const at::Tensor& like) -> float* {
      if (!task_should_compute_output(i)) return nullptr;
      result[i] = at::empty_like(like);
      return result[i].data_ptr<float>();
    };
    float* const x = wanted(0, x_);
    for (std::size_t i = 0; i < weights_.size(); ++i) parameters[i] = wanted(i + 1, weights_[i]);
    pass_->backward(values_of(slope), x, parameters);
    return result;
  }

  void release_variables() override { pass_.reset(); }

 private:
  std::shared_ptr<Differentiator> pass_;
  at::Tensor x_;
  std::vector<at::Tensor> weights_;  // what the pass points to
};

std::vector<int> class_indices(const at::Tensor& class_label) {
  std::vector<int> indices;
  if (!class_label.defined()) return indices;
  const at::Tensor labels = class_label.contiguous();
  for (std::int64_t i = 0; i < labels.numel(); ++i)
    indices.push_back(static_cast<int>(labels.data_ptr<std::int64_t>()[i]));
  return indices;
}

}  // namespace

bool EngineNetwork::serves(const Graph& graph) { return !graph.energy && !op_without_kernel(graph); }

EngineNetwork::EngineNetwork(const Graph& graph, int threads) : graph_(graph), threads_(threads) {}

// Winograd's weights are four times the weights, and there are two sets: forwards and backwards. Each thread sums
// gradients for itself.
double EngineNetwork::memory_bytes(const Graph& graph, double rows, int threads) {
  const GradientPlan plan = compile_gradient(graph, {.of_x = false, .of_parameters = true});
  return 4 * (static_cast<double>(plan.floats_a_sample) * rows + static_cast<double>(plan.sum_floats) * threads +
              8 * static_cast<double>(graph.parameter_count()));
}

std::shared_ptr<Differentiator> EngineNetwork::idle(bool of_x) {
  for (const Pass& pass : passes_)
    if (pass.of_x == of_x && pass.network.use_count() == 1) return pass.network;
  const Derivatives wanted{.of_x = of_x, .of_parameters = true};
  return passes_.emplace_back(Pass{of_x, std::make_shared<Differentiator>(graph_, wanted, threads_)}).network;
}

at::Tensor EngineNetwork::operator()(std::span<const at::Tensor> parameters, const at::Tensor& x,
                                     const at::Tensor& label, const at::Tensor& class_label,
                                     const ForwardOptions& options) {
  check_inputs(graph_, x, label, class_label);
  std::vector<at::Tensor> weights;
  std::vector<const float*> pointers;
  for (const at::Tensor& parameter : parameters) {
    weights.push_back(plain(parameter));
    pointers.push_back(values_of(weights.back()));
  }
  const at::Tensor input = plain(x), labels = plain(label);
  const std::vector<int> classes = class_indices(class_label);
  const DropoutNoise dropout{options.seed, options.step, options.samples};
  const std::shared_ptr<Differentiator> pass = idle(x.requires_grad());
  pass->set_weights(pointers);
  std::vector<std::int64_t> sizes = graph_.output_shape();
  sizes.insert(sizes.begin(), x.size(0));
  at::Tensor output = at::empty(sizes, input.options());
  pass->forward({input.size(0), values_of(input), values_of(labels), classes.empty() ? nullptr : classes.data(),
                 options.training ? &dropout : nullptr},
                output.data_ptr<float>());
  const auto needs = [](const at::Tensor& tensor) { return tensor.requires_grad(); };
  if (at::GradMode::is_enabled() && (needs(x) || std::any_of(parameters.begin(), parameters.end(), needs)))
    torch::autograd::create_gradient_edge(
        output, std::make_shared<PassBackward>(pass, x, at::TensorList(parameters.data(), parameters.size()), weights));
  return output;
}

}  // namespace scoresde
