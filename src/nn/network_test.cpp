#include "nn/network.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/max.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "core/error.h"
#include "net/graph_builder.h"
#include "net/net_config.h"
#include "nn/test_support.h"

namespace scoresde {
namespace {

using testing_support::noise;
using testing_support::stir;

NetConfig tiny_unet() {
  NetConfig config;
  config.channels = 8;
  config.channel_mult = {1, 2};
  config.attention = {4};
  return config;
}

Graph tiny(const std::string& name, const NetConfig& base) {
  NetConfig config = base;
  config.name = name;
  config.classes = 3;
  return build_net(config, name == "mlp" ? ItemShape{3, 1, 1, false} : ItemShape{1, 8, 7, true});
}

const at::Tensor& parameter_of(const Network& network, const std::string& name) {
  for (std::size_t i = 0; i < network.parameters().size(); ++i)
    if (network.graph().parameters[i].name == name) return network.parameters()[i];
  throw std::runtime_error("no parameter " + name);
}

TEST(Network, KeepsTheShapeOfAnyImage) {
  for (const int size : {8, 9, 28, 32, 33, 64}) {
    NetConfig config = tiny_unet();
    config.channel_mult = {1, 2, 2};
    config.attention = {(size + 3) / 4};
    const Network network(build_net(config, {2, size, size + 1, true}), 0);
    const at::Tensor x = noise({2, 2, size, size + 1}, 1, at::kFloat);
    const at::Tensor y = network.forward(x, noise({2}, 2, at::kFloat));
    EXPECT_EQ(y.sizes(), x.sizes()) << size;
    EXPECT_EQ(y.abs().max().item<float>(), 0) << "the output starts at zero";
  }
}

TEST(Network, RefusesInputsOfAnotherShape) {
  const Network network(tiny("unet", tiny_unet()), 0);
  const at::Tensor x = noise({2, 1, 8, 7}, 1, at::kFloat), label = noise({2}, 2, at::kFloat);
  EXPECT_THROW(network.forward(x.transpose(2, 3), label), Error);
  EXPECT_THROW(network.forward(x, label.unsqueeze(1)), Error);
  EXPECT_THROW(network.forward(x, label.slice(0, 0, 1)), Error);
  EXPECT_THROW(network.forward(x, label, at::empty({1}, at::TensorOptions(at::kLong))), Error);
}

TEST(Network, StateGoesRoundAndAMisfitIsNamed) {
  Network a(build_net(tiny_unet(), {1, 8, 8, true}), 1), b(build_net(tiny_unet(), {1, 8, 8, true}), 2);
  stir(a);
  b.load(a.state());
  const at::Tensor x = noise({3, 1, 8, 8}, 3, at::kFloat), label = noise({3}, 4, at::kFloat);
  EXPECT_TRUE(at::equal(a.forward(x, label), b.forward(x, label)));
  auto state = a.state();
  state["stranger"] = state["in.weight"];
  state.erase("in.weight");
  state["in.bias"].shape = {4, 2};
  try {
    b.load(state);
    FAIL() << "a misfit was loaded";
  } catch (const Error& error) {
    EXPECT_EQ(error.failure(), Failure::data);
    EXPECT_STREQ(
        error.what(),
        "the state: the weights do not fit the network; missing: in.weight; unknown: stranger; in.bias is (4, 2) "
        "and should be (8)");
  }
}

// mean 0 and variance bound^2 / 3 of n uniform numbers: standard errors bound / sqrt(3 n) and bound^2 sqrt(4 / 45 / n).
TEST(Network, InitialWeightsHaveTheirDistribution) {
  GraphBuilder b({64});
  b.linear("l", b.linear("first", b.input(), 128), 32, 0.5);
  const Network network(std::move(b).finish(), 5, at::kDouble);
  const at::Tensor w = network.parameters()[0];
  const double n = static_cast<double>(w.numel()), bound = std::sqrt(3 / ((64 + 128) / 2.0));
  EXPECT_NEAR(w.mean().item<double>(), 0, 5 * bound / std::sqrt(3 * n));
  EXPECT_NEAR(w.square().mean().item<double>(), bound * bound / 3, 5 * bound * bound * std::sqrt(4 / (45 * n)));
  EXPECT_LE(w.abs().max().item<double>(), bound);
  EXPECT_GT(w.abs().max().item<double>(), 0.99 * bound);
  EXPECT_NEAR(network.parameters()[2].abs().max().item<double>(), std::sqrt(3 * 0.5 / 80), 0.01);
  EXPECT_EQ(network.parameters()[1].abs().max().item<double>(), 0);
}

// 1 + 0.02 z over n values: the mean within 5 / sqrt(n) * 0.02 of 1.
TEST(Network, LayersOfNcsnStartAsPyTorchsDo) {
  NetConfig config = tiny_unet();
  config.name = "ncsn";
  config.channels = 64;
  config.levels = 20;
  const Network network(build_net(config, {1, 8, 8, true}), 5);
  const at::Tensor& table = parameter_of(network, "res1.0.normalize1.embed.weight");
  ASSERT_EQ(table.sizes(), (std::vector<std::int64_t>{20, 3 * 64}));
  const at::Tensor near_one = table.narrow(1, 0, 128);
  EXPECT_NEAR(near_one.mean().item<double>(), 1, 5 * 0.02 / std::sqrt(20.0 * 128));
  EXPECT_NEAR((near_one - 1).square().mean().item<double>(), 4e-4, 4e-4 * 5 * std::sqrt(2 / (20.0 * 128)));
  EXPECT_EQ(table.narrow(1, 128, 64).abs().max().item<float>(), 0);
  for (const char* name : {"res1.0.conv1.weight", "res1.0.conv1.bias"}) {
    const double largest = parameter_of(network, name).abs().max().item<double>();
    EXPECT_LE(largest, 1 / std::sqrt(64.0 * 9)) << name;
    EXPECT_GT(largest, 0.9 / std::sqrt(64.0 * 9)) << name;
  }
}

TEST(Network, InitialWeightsAreAFunctionOfSeedAndIndexAlone) {
  const auto first_weight = [](std::uint64_t seed, std::int64_t later_width) {
    GraphBuilder b({4});
    b.linear("b", b.linear("a", b.input(), 6), later_width);
    return Network(std::move(b).finish(), seed, at::kDouble).parameters()[0];
  };
  EXPECT_TRUE(at::equal(first_weight(1, 3), first_weight(1, 9)));
  EXPECT_FALSE(at::equal(first_weight(1, 3), first_weight(2, 3)));
  GraphBuilder b({4});
  b.linear("b", b.linear("a", b.input(), 4), 4);
  const Network twins(std::move(b).finish(), 1, at::kDouble);
  EXPECT_FALSE(at::equal(twins.parameters()[0], twins.parameters()[2])) << "no two parameters share their numbers";
}

TEST(Network, FloatAndDoubleAgree) {
  for (const char* name : {"unet", "mlp", "classifier"}) {
    Network wide(tiny(name, tiny_unet()), 1, at::kDouble), narrow(tiny(name, tiny_unet()), 1);
    stir(wide);
    narrow.load(wide.state());
    std::vector<std::int64_t> shape = wide.graph().input_shape;
    shape.insert(shape.begin(), 5);
    const at::Tensor x = noise(shape, 1), label = noise({5}, 2);
    const at::Tensor y = wide.forward(x, label);
    const double error =
        (narrow.forward(x.to(at::kFloat), label.to(at::kFloat)).to(at::kDouble) - y).abs().max().item<double>();
    EXPECT_LT(error, 1e-4 * y.abs().max().item<double>()) << name;
    EXPECT_GT(error, 0) << name;
  }
}

TEST(Network, NoClassIsItsOwnClass) {
  Network network(tiny("unet", tiny_unet()), 1, at::kDouble);
  stir(network);
  const at::Tensor x = noise({1, 1, 8, 7}, 1).repeat({4, 1, 1, 1}), label = noise({1}, 2).repeat({4});
  at::Tensor classes = at::empty({4}, at::TensorOptions(at::kLong));
  for (int i = 0; i < 4; ++i) classes.data_ptr<std::int64_t>()[i] = i - 1;
  const at::Tensor y = network.forward(x, label, classes), none = network.forward(x, label);
  EXPECT_LT((y[0] - none[0]).abs().max().item<double>(), 1e-12);
  for (int i = 1; i < 4; ++i) EXPECT_GT((y[i] - none[0]).abs().max().item<double>(), 1e-3) << i;
}

TEST(Network, DropoutIsAFunctionOfSeedSampleStepAndNode) {
  GraphBuilder b({1000});
  b.dropout(b.dropout(b.input(), 0.25), 0.25);
  const Network network(std::move(b).finish(), 0, at::kDouble);
  const at::Tensor ones = at::full({2, 1000}, 1.0, at::TensorOptions(at::kDouble)), label = noise({2}, 1);
  const auto mask = [&](std::uint64_t seed, std::uint32_t step, std::vector<std::uint64_t> samples) {
    return network.forward(ones, label, {}, {.training = true, .seed = seed, .step = step, .samples = samples});
  };
  const at::Tensor base = mask(1, 2, {7, 8});
  EXPECT_TRUE(at::equal(base, mask(1, 2, {8, 7}).flip({0}))) << "not a function of the row";
  EXPECT_FALSE(at::equal(base[0], base[1]));
  EXPECT_FALSE(at::equal(base, mask(2, 2, {7, 8})));
  EXPECT_FALSE(at::equal(base, mask(1, 3, {7, 8})));
  EXPECT_TRUE(at::equal(network.forward(ones, label), ones)) << "off outside training";
  EXPECT_THROW(mask(1, 2, {7}), Error);
  // Both masks let 0.75^2 = 0.5625 through: 5 standard errors of 2,000 trials are 0.055. The same mask twice: 0.75.
  EXPECT_NEAR(base.ne(0).to(at::kDouble).mean().item<double>(), 0.5625, 0.055);
  EXPECT_NEAR(base.max().item<double>(), 1 / 0.5625, 1e-12);
}

}  // namespace
}  // namespace scoresde
