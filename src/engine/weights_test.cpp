#include "engine/weights.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "core/noise.h"
#include "engine/engine.h"

namespace scoresde {
namespace {

std::map<std::string, Tensor> drawn_weights(const Graph& graph) {
  std::map<std::string, Tensor> weights;
  for (std::size_t i = 0; i < graph.parameters.size(); ++i) {
    std::vector<float> values(static_cast<std::size_t>(element_count(graph.parameters[i].shape)));
    fill_normal({.seed = 1, .purpose = Purpose::test, .sample = i}, std::span(values));
    weights[graph.parameters[i].name] = Tensor::of(graph.parameters[i].shape, std::span<const float>(values));
  }
  return weights;
}

Graph small_network() {
  NetConfig config;
  config.name = "unet";
  config.channels = 16;
  config.blocks = 1;
  config.channel_mult = {1, 2};
  config.attention = {4};
  return build_net(config, {1, 8, 8, true});
}

TEST(FloatWeights, GivesBackWhatIsItsOwnAfterTheLastReader) {
  const Graph graph = small_network();
  std::map<std::string, Tensor> weights = drawn_weights(graph);
  const float first = weights.at(graph.parameters[0].name).f32()[0];
  FloatWeights own(graph, std::move(weights));
  EXPECT_EQ(*own.pointers()[0], first);
  own.release(0);
  EXPECT_EQ(own.pointers()[0], nullptr);
  EXPECT_NE(own.pointers()[1], nullptr);
}

TEST(FloatWeights, OfAnotherNetworkAreRefused) {
  const Graph graph = small_network();
  std::map<std::string, Tensor> weights = drawn_weights(graph);
  weights.erase(graph.parameters[0].name);
  EXPECT_THROW(FloatWeights(graph, weights), Error);
  EXPECT_THROW(FloatWeights(graph, std::move(weights)), Error);
}

TEST(Engine, MadeOfWeightsThatItGivesBackComputesTheSame) {
  const Graph graph = small_network();
  std::map<std::string, Tensor> weights = drawn_weights(graph);
  const Batch x = Batch::Random(3, 64);
  const Times label = Times::Constant(3, 0.5);
  const Batch kept = Engine(graph, weights, 1)(x, label);
  EXPECT_TRUE((Engine(graph, FloatWeights(graph, std::move(weights)), 1)(x, label) == kept).all());
  EXPECT_TRUE(kept.isFinite().all());
}

}  // namespace
}  // namespace scoresde
