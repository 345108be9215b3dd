#include "nn/engine_network.h"

#include <ATen/ops/empty.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include "core/error.h"
#include "net/test_nets.h"
#include "nn/test_support.h"

namespace scoresde {
namespace {

using testing_support::noise;
using testing_support::stir;

constexpr std::int64_t pass_rows = 5;
const std::vector<std::uint64_t> pass_samples = {3, 4, 1000, 7, 8};

// Output, and the gradients of sum(w output) in x and in all parameters.
struct PassGradients {
  at::Tensor output;
  std::vector<at::Tensor> gradients;
};

struct PassQuestion {
  const Graph& graph;
  at::Tensor x, label, classes;
  ForwardOptions options;
};

// evaluate(graph, parameters, x, label, classes, options) by either side, in the format of `parameters`.
template <class Evaluate>
PassGradients pass_gradients(const PassQuestion& q, const Evaluate& evaluate_graph,
                             std::vector<at::Tensor> parameters) {
  const at::ScalarType type = parameters.empty() ? at::kFloat : parameters[0].scalar_type();
  const at::Tensor x = q.x.to(type).set_requires_grad(true);
  std::vector<at::Tensor> leaves = {x};
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    parameters[i] = parameters[i].detach().clone().set_requires_grad(q.graph.parameters[i].trainable);
    if (q.graph.parameters[i].trainable) leaves.push_back(parameters[i]);
  }
  const at::Tensor output = evaluate_graph(q.graph, parameters, x, q.label.to(type), q.classes, q.options);
  const at::Tensor loss = (output * noise(output.sizes().vec(), 3, type)).sum();
  return {output.detach(), torch::autograd::grad({loss}, leaves, {}, {}, false, /*allow_unused=*/true)};
}

double most_of(const at::Tensor& tensor) { return tensor.abs().max().item<double>(); }

// Relative to the largest element of a tensor; a gradient that is all but zero is compared with the others' size.
void expect_same_gradients(const PassGradients& fast, const PassGradients& slow, double tolerance,
                           const std::string& what) {
  EXPECT_LT(most_of(fast.output - slow.output), tolerance * most_of(slow.output)) << what << ": output";
  ASSERT_EQ(fast.gradients.size(), slow.gradients.size()) << what;
  double typical = 0;
  for (const at::Tensor& gradient : slow.gradients)
    if (gradient.defined()) typical = std::max(typical, most_of(gradient));
  for (std::size_t i = 0; i < slow.gradients.size(); ++i) {
    if (!slow.gradients[i].defined()) continue;
    ASSERT_TRUE(fast.gradients[i].defined()) << what << ": gradient " << i;
    EXPECT_LT(most_of(fast.gradients[i] - slow.gradients[i]),
              tolerance * std::max(most_of(slow.gradients[i]), 0.01 * typical))
        << what << ": gradient " << i;
  }
}

void compare_passes(const Graph& graph, const std::vector<at::Tensor>& parameters, bool dropout, double tolerance,
                    const std::string& what) {
  std::vector<std::int64_t> shape = graph.input_shape;
  shape.insert(shape.begin(), pass_rows);
  PassQuestion q{graph, noise(shape, 1), 0.2 + noise({pass_rows}, 2).abs(), {}, {}};
  if (graph.classes > 0) {
    q.classes = at::empty({pass_rows}, at::TensorOptions(at::kLong));
    for (std::int64_t i = 0; i < pass_rows; ++i) q.classes.data_ptr<std::int64_t>()[i] = i % (graph.classes + 1) - 1;
  }
  if (dropout) q.options = {.training = true, .seed = 5, .step = 2, .samples = pass_samples};
  EngineNetwork engine(graph, 2);
  const auto by_engine = [&](const Graph&, const auto&... rest) { return engine(rest...); };
  std::vector<at::Tensor> doubles;
  for (const at::Tensor& parameter : parameters) doubles.push_back(parameter.to(at::kDouble));
  const PassGradients fast = pass_gradients(q, by_engine, parameters), slow = pass_gradients(q, evaluate, doubles);
  expect_same_gradients(fast, slow, tolerance, what);
}

// As far apart as tests/torch_engine_test.cpp derives for the outputs; derivatives pass twice as many layers.
TEST(EngineNetwork, EveryNetworkHasLibTorchsDerivatives) {
  for (const NetEntry& entry : nets()) {
    const auto [config, shape] = testing_support::small_net(entry.name);
    Network network(build_net(config, shape), 1);
    if (!EngineNetwork::serves(network.graph())) continue;
    stir(network);
    for (const bool dropout : {false, true})
      compare_passes(network.graph(), network.parameters(), dropout, 4e-5, std::string(entry.name));
  }
}

TEST(EngineNetwork, PassesMayOverlap) {
  const auto [config, shape] = testing_support::small_net("unet");
  Network network(build_net(config, shape), 1);
  stir(network);
  EngineNetwork engine(network.graph(), 2);
  const at::Tensor label = 0.2 + noise({pass_rows}, 2, at::kFloat).abs();
  const auto pass = [&](std::uint64_t which) {
    return engine(network.parameters(), noise({pass_rows, 1, 6, 8}, which, at::kFloat), label, {}, {}).square().sum();
  };
  const auto gradient_of = [&](const at::Tensor& loss) {
    return torch::autograd::grad({loss}, {network.parameters().back()}, {}, /*retain_graph=*/true).at(0);
  };
  const at::Tensor alone = gradient_of(pass(1)), other = gradient_of(pass(2));
  const at::Tensor first = pass(1), second = pass(2);
  EXPECT_TRUE(gradient_of(first).equal(alone));
  EXPECT_TRUE(gradient_of(second).equal(other));
  EXPECT_FALSE(alone.equal(other));
}

TEST(EngineNetwork, RefusesASecondDerivative) {
  const auto [config, shape] = testing_support::small_net("mlp");
  Network network(build_net(config, shape), 1);
  EngineNetwork engine(network.graph(), 1);
  const at::Tensor x = noise({pass_rows, 3}, 1, at::kFloat).set_requires_grad(true);
  const at::Tensor y = engine(network.parameters(), x, 0.2 + noise({pass_rows}, 2, at::kFloat).abs(), {}, {});
  EXPECT_THROW(torch::autograd::grad({y.sum()}, {x}, {}, true, /*create_graph=*/true), Error);
}

}  // namespace
}  // namespace scoresde
