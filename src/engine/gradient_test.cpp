#include "engine/gradient.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/error.h"
#include "core/noise.h"
#include "net/graph_builder.h"
#include "net/test_nets.h"

namespace scoresde {
namespace {

std::vector<float> numbers(std::int64_t count, std::uint64_t stream, double scale = 1, double mean = 0) {
  std::vector<float> values(static_cast<std::size_t>(count));
  fill_normal({.seed = 4, .sample = stream}, values);
  for (float& value : values) value = static_cast<float>(mean + scale * static_cast<double>(value));
  return values;
}

// L = sum of w y over three rows, with everything it depends on.
struct WeightedOutput {
  explicit WeightedOutput(Graph given, bool dropout) : graph(std::move(given)), drops(dropout) {
    x = numbers(3 * element_count(graph.input_shape), 1);
    w = numbers(3 * element_count(graph.output_shape()), 2);
    for (std::size_t i = 0; i < graph.parameters.size(); ++i) {
      const Parameter& p = graph.parameters[i];
      const auto fan = static_cast<double>(element_count(p.shape) / p.shape[0]);
      const bool factor = p.init == Init::ones;
      parameters.push_back(numbers(element_count(p.shape), 10 + i, factor ? 0.1 : 1 / std::sqrt(fan + 1), factor));
    }
  }

  NetworkRows rows() const { return {3, x.data(), label.data(), classes.data(), drops ? &noise : nullptr}; }

  double loss(Differentiator& d) {
    set(d);
    std::vector<float> out(w.size());
    d.forward(rows(), out.data());
    double sum = 0;
    for (std::size_t i = 0; i < w.size(); ++i) sum += static_cast<double>(w[i]) * static_cast<double>(out[i]);
    return sum;
  }

  void set(Differentiator& d) {
    std::vector<const float*> pointers;
    for (const auto& p : parameters) pointers.push_back(p.data());
    d.set_weights(pointers);
  }

  // Moves x and all parameters by `step` along a direction, and back by its negative.
  void move(double step) {
    const auto along = [&](std::vector<float>& values, std::uint64_t stream) {
      const std::vector<float> direction = numbers(static_cast<std::int64_t>(values.size()), stream);
      for (std::size_t i = 0; i < values.size(); ++i) values[i] += static_cast<float>(step) * direction[i];
    };
    along(x, 1000);
    for (std::size_t i = 0; i < parameters.size(); ++i)
      if (graph.parameters[i].trainable) along(parameters[i], 1001 + i);
  }

  double slope(Differentiator& d) {
    loss(d);
    std::vector<float> d_x(x.size());
    std::vector<std::vector<float>> slopes;
    for (const auto& p : parameters) slopes.emplace_back(p.size());
    std::vector<float*> to;
    for (auto& s : slopes) to.push_back(s.data());
    d.backward(w.data(), d_x.data(), to);
    double sum = 0;
    const auto add = [&](const std::vector<float>& values, std::uint64_t stream) {
      const std::vector<float> direction = numbers(static_cast<std::int64_t>(values.size()), stream);
      for (std::size_t i = 0; i < values.size(); ++i)
        sum += static_cast<double>(values[i]) * static_cast<double>(direction[i]);
    };
    add(d_x, 1000);
    for (std::size_t i = 0; i < slopes.size(); ++i) add(slopes[i], 1001 + i);
    return sum;
  }

  Graph graph;
  bool drops;
  std::vector<float> x, w, label = {0.2f, 0.5f, 0.9f};
  std::vector<int> classes = {1, -1, 2};
  std::vector<std::uint64_t> ids = {5, 6, 9};
  DropoutNoise noise{3, 1, ids};
  std::vector<std::vector<float>> parameters;
};

TEST(Gradient, IsADifferenceQuotient) {
  auto [config, shape] = testing_support::small_net("unet");
  config.channels = 16;
  for (const bool dropout : {false, true}) {
    WeightedOutput problem(build_net(config, shape), dropout);
    Differentiator d(problem.graph, {.of_x = true, .of_parameters = true}, 2);
    const double slope = problem.slope(d), step = 1e-3;
    problem.move(step);
    const double above = problem.loss(d);
    problem.move(-2 * step);
    const double below = problem.loss(d);
    // Single precision keeps 1e-6 of sums of size 10, of which the quotient keeps a five-hundredth.
    EXPECT_NEAR((above - below) / (2 * step), slope, 1e-2 * std::abs(slope) + 0.1) << dropout;
    EXPECT_GT(std::abs(slope), 5) << "too even to tell";
  }
}

TEST(Gradient, WantsItsWeightsFirst) {
  GraphBuilder b({3});
  b.linear("l", b.silu(b.linear("k", b.input(), 5)), 2);
  const Graph graph = std::move(b).finish();
  Differentiator d(graph, {}, 1);
  EXPECT_THROW(d.forward({}, nullptr), Error);  // no weights yet
  EXPECT_THROW(d.set_weights({}), Error);
}

TEST(Gradient, RefusesWhatItHasNoGradientOf) {
  GraphBuilder b({2, 3, 2});
  b.divide_exp(b.input(), b.linear("l", b.global_mean(b.input()), 1));
  EXPECT_THROW(compile_gradient(std::move(b).finish(), {}), Error);
}

}  // namespace
}  // namespace scoresde
