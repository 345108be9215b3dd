#include "nn/network.h"

#include <ATen/ops/equal.h>
#include <ATen/ops/max.h>
#include <gtest/gtest.h>

#include "core/item_shape.h"
#include "net/net_config.h"

namespace scoresde {
namespace {

at::Tensor noise(std::vector<std::int64_t> shape, std::uint64_t sample, at::ScalarType dtype = at::kDouble) {
  std::vector<double> values(static_cast<std::size_t>(element_count(shape)));
  fill_normal({.seed = 11, .sample = sample}, values);
  return from_tensor(Tensor::of(shape, std::span<const double>(values)), dtype);
}

NetConfig tiny_unet() {
  NetConfig config;
  config.channels = 8;
  config.channel_mult = {1, 2};
  config.attention = {4};
  return config;
}

// The output layer and the residual branches start at zero, which would hide everything before them.
void stir(Network& network) {
  const at::NoGradGuard no_grad;
  for (std::size_t i = 0; i < network.parameters().size(); ++i) {
    at::Tensor& p = network.parameters()[i];
    p.copy_(p + 0.2 * noise(p.sizes().vec(), 100 + i, p.scalar_type()));
  }
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

}  // namespace
}  // namespace scoresde
