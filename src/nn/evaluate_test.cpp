#include <ATen/ops/conv2d.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/group_norm.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/stack.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>
#include <functional>
#include <set>

#include "core/config.h"
#include "net/graph_builder.h"
#include "net/net_config.h"
#include "net/op_cases.h"
#include "net/test_nets.h"
#include "net/unet_blocks.h"
#include "nn/network.h"
#include "nn/test_support.h"
#include "test_paths.h"

namespace scoresde {
namespace {

using testing_support::noise;
using testing_support::stir;

at::Tensor positive_label(std::int64_t rows) { return 0.2 + noise({rows}, 2).abs(); }

// What moves together in a difference quotient.
struct LeafGroup {
  std::string name;
  std::vector<at::Tensor> leaves;
};

// Derivatives of L = sum(w * y) along a direction of length 1 of x, of the label and of the parameters (each, or all at
// once), by reverse mode and by central differences: in double with h = 1e-6 these agree to h^2 = 1e-12 of the third
// derivative (1e7 for a label that is stretched 250 times) and 1e-16 L / h of rounding. A longer direction would cross
// the kinks of maxima.
void check_gradients(Network& network, const std::string& name, bool parameters_together) {
  std::vector<std::int64_t> shape = network.graph().input_shape;
  shape.insert(shape.begin(), 2);
  at::Tensor x = noise(shape, 1).set_requires_grad(true), label = positive_label(2).set_requires_grad(true), classes;
  if (network.graph().classes > 0) {
    classes = at::empty({2}, at::TensorOptions(at::kLong));
    classes.data_ptr<std::int64_t>()[0] = 1;
    classes.data_ptr<std::int64_t>()[1] = -1;
  }
  const std::vector<std::uint64_t> samples = {3, 4};
  const auto loss = [&] {
    const at::Tensor y = network.forward(x, label, classes, {.training = true, .samples = samples});
    return (y * noise(y.sizes().vec(), 3)).sum();
  };
  const at::Tensor value = loss();
  value.backward();
  const double size = std::max(1.0, std::abs(value.item<double>()));
  std::vector<LeafGroup> groups = {{"x", {x}}, {"label", {label}}};
  if (parameters_together) groups.push_back({"parameters", {}});
  for (std::size_t i = 0; i < network.parameters().size(); ++i) {
    const at::Tensor& parameter = network.parameters()[i];
    if (!parameter.requires_grad()) continue;
    if (!parameters_together) groups.push_back({network.graph().parameters[i].name, {}});
    groups.back().leaves.push_back(parameter);
  }
  const at::NoGradGuard no_grad;
  for (const LeafGroup& group : groups) {
    double exact = 0, length = 0;
    std::vector<at::Tensor> directions, kept;
    for (const at::Tensor& leaf : group.leaves) {
      directions.push_back(noise(leaf.sizes().vec(), 4 + kept.size()));
      kept.push_back(leaf.clone());
      length += static_cast<double>(leaf.numel());
      if (leaf.grad().defined()) exact += (leaf.grad() * directions.back()).sum().item<double>();
    }
    length = std::sqrt(length);
    const auto at_offset = [&](double h) {
      for (std::size_t i = 0; i < kept.size(); ++i) group.leaves[i].copy_(kept[i] + h / length * directions[i]);
      return loss().item<double>();
    };
    constexpr double h = 1e-6;
    const double numeric = (at_offset(h) - at_offset(-h)) / (2 * h);
    at_offset(0);
    EXPECT_NEAR(exact / length, numeric, 1e-6 * std::max(size, std::abs(numeric))) << name << ": " << group.name;
  }
}

TEST(Evaluate, TheGradientOfEveryOpIsItsDifferenceQuotient) {
  std::set<OpKind> seen;
  for (const OpCase& op : op_cases()) {
    Network network(op.graph(), 1, at::kDouble);
    stir(network);
    check_gradients(network, op.name, false);
    seen.insert(op.kinds.begin(), op.kinds.end());
  }
  EXPECT_EQ(seen.size(), static_cast<std::size_t>(OpKind::depth_to_space) + 1) << "an op is not in the list";
}

TEST(Evaluate, TheGradientOfEveryNetIsItsDifferenceQuotientAndReachesEveryParameter) {
  for (const NetEntry& entry : nets()) {
    const auto [config, shape] = testing_support::small_net(entry.name);
    Network network(build_net(config, shape), 1, at::kDouble);
    stir(network);
    check_gradients(network, std::string(entry.name), true);
    for (std::size_t i = 0; i < network.parameters().size(); ++i) {
      const at::Tensor& p = network.parameters()[i];
      if (!network.graph().parameters[i].trainable) continue;
      ASSERT_TRUE(p.grad().defined()) << network.graph().parameters[i].name;
      // The bias of k shifts every score of a pixel alike, which softmax does not see.
      const std::string& name = network.graph().parameters[i].name;
      if (name.ends_with(".k.bias") || name.ends_with(".NIN_1.b")) continue;
      EXPECT_GT(p.grad().abs().max().item<double>(), 1e-9) << network.graph().parameters[i].name;
    }
  }
}

at::Tensor forward_of(GraphBuilder b, const at::Tensor& x) {
  return Network(std::move(b).finish(), 0, at::kDouble).forward(x, noise({x.size(0)}, 2));
}

std::vector<double> values_of(const at::Tensor& tensor) {
  const at::Tensor t = tensor.contiguous();
  return {t.data_ptr<double>(), t.data_ptr<double>() + t.numel()};
}

at::Tensor counting(std::vector<std::int64_t> shape) {
  std::vector<double> values(static_cast<std::size_t>(element_count(shape)));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<double>(i);
  return from_tensor(Tensor::of(std::move(shape), std::span<const double>(values)), at::kDouble);
}

TEST(Evaluate, ResamplingIsAsTheHeaderSays) {
  GraphBuilder down({1, 3, 2});
  down.downsample(0);
  EXPECT_EQ(values_of(forward_of(std::move(down), counting({1, 1, 3, 2}))), (std::vector<double>{1.5, 4.5}));
  GraphBuilder up({1, 2, 1});
  up.upsample(0, 3, 2);
  EXPECT_EQ(values_of(forward_of(std::move(up), counting({1, 1, 2, 1}))), (std::vector<double>{0, 0, 0, 0, 1, 1}));
  GraphBuilder patch({1, 2, 4});
  patch.space_to_depth(0, 2);
  EXPECT_EQ(values_of(forward_of(std::move(patch), counting({1, 1, 2, 4}))),
            (std::vector<double>{0, 2, 1, 3, 4, 6, 5, 7}));
  GraphBuilder both({3, 4, 6});
  both.depth_to_space(both.space_to_depth(0, 2), 2);
  EXPECT_EQ(values_of(forward_of(std::move(both), counting({1, 3, 4, 6}))), values_of(counting({1, 3, 4, 6})));
}

// Nearest upsampling to every size is y[i] = x[i / 2]: ATen computes the index in float.
TEST(Evaluate, UpsamplingToOddSizesTakesTheHalfIndex) {
  for (std::int64_t size = 1; size <= 256; ++size) {
    const std::int64_t half = (size + 1) / 2;
    GraphBuilder b({1, half, 1});
    b.upsample(0, size, 1);
    const std::vector<double> y = values_of(forward_of(std::move(b), counting({1, 1, half, 1})));
    for (std::int64_t i = 0; i < size; ++i)
      ASSERT_EQ(y[static_cast<std::size_t>(i)], static_cast<double>(i / 2)) << size;
  }
}

// Guided diffusion's block, written with ATen: 4 groups of 4 channels, [scale, shift] of silu(embedding), which here is
// the row of a class.
TEST(Evaluate, TheScaledAndShiftedBlockIsDhariwalAndNichols) {
  NetConfig config;
  config.scale_shift_norm = true;
  GraphBuilder b({16, 3, 2}, 1);
  residual_block(b, config, "r", b.input(), b.silu(b.embedding("class", b.class_label(), 5)), 16);
  Network network(std::move(b).finish(), 1, at::kDouble);
  stir(network);
  const at::NoGradGuard no_grad;
  const auto parameter = [&](const std::string& name) {
    for (std::size_t i = 0; i < network.parameters().size(); ++i)
      if (network.graph().parameters[i].name == name) return network.parameters()[i];
    throw std::runtime_error("no " + name);
  };
  const auto layer = [&](const std::string& name) {
    return std::pair{parameter("r." + name + ".weight"), parameter("r." + name + ".bias")};
  };
  const auto conv = [&](const at::Tensor& x, const std::string& name) {
    return at::conv2d(x, layer(name).first, layer(name).second, 1, 1);
  };
  const auto norm = [&](const at::Tensor& x, const std::string& name) {
    return at::group_norm(x, 4, layer(name).first, layer(name).second, 1e-6);
  };
  const at::Tensor x = noise({2, 16, 3, 2}, 1);
  const at::Tensor none = parameter("class.weight").slice(0, 1, 2).expand({2, 5});  // of "no class"
  const at::Tensor rows = at::linear(at::silu(none), layer("time").first, layer("time").second);
  const auto halves = rows.unsqueeze(-1).unsqueeze(-1).chunk(2, 1);
  const at::Tensor h = norm(conv(at::silu(norm(x, "norm0")), "conv0"), "norm1") * (1 + halves[0]) + halves[1];
  const at::Tensor difference = network.forward(x, noise({2}, 2)) - (x + conv(at::silu(h), "conv1"));
  EXPECT_LT(difference.abs().max().item<double>(), 1e-12);
}

// InstanceNorm2dPlus of score_sde's JAX version: its variance over channels is the mean of the squares.
TEST(Evaluate, InstanceNormPlusOfJaxDividesByTheNumberOfChannels) {
  GraphBuilder b({3, 2, 2});
  b.instance_norm_plus("n", b.input(), true);
  Network network(std::move(b).finish(), 1, at::kDouble);
  const auto row = [](std::vector<double> values) { return Tensor::of({3}, std::span<const double>(values)); };
  network.load({{"n.alpha", row({1, 2, 3})}, {"n.gamma", row({1, 1, 0.5})}, {"n.beta", row({0, 0, 7})}});
  std::vector<double> x;
  for (const double mean : {1.0, 4.0, 1.0})
    for (const double offset : {-1.0, 1.0, -1.0, 1.0}) x.push_back(mean + offset);
  const at::Tensor image = from_tensor(Tensor::of({1, 3, 2, 2}, std::span<const double>(x)), at::kDouble);
  const std::vector<double> y = values_of(network.forward(image, noise({1}, 2)));
  const double h = 1 / std::sqrt(1 + 1e-5), spread = std::sqrt(2 + 1e-5);  // of the means 1, 4, 1 around 2
  EXPECT_NEAR(y[0], -h - 1 / spread, 1e-14);
  EXPECT_NEAR(y[5], h + 2 * 2 / spread, 1e-14);
  EXPECT_NEAR(y[11], 0.5 * (h - 3 / spread) + 7, 1e-14);
}

TEST(Evaluate, BilinearOfJaxKeepsPixelsWhereTheyAre) {
  for (const bool jax : {false, true}) {
    GraphBuilder b({1, 2, 1});
    b.bilinear(0, 4, 1, jax);
    const std::vector<double> y = values_of(forward_of(std::move(b), counting({1, 1, 2, 1})));
    const std::vector<double> wanted =
        jax ? std::vector{0.0, 0.25, 0.75, 1.0} : std::vector{0.0, 1.0 / 3, 2.0 / 3, 1.0};
    for (std::size_t i = 0; i < 4; ++i) EXPECT_NEAR(y[i], wanted[i], 1e-15) << i;
  }
}

class Embeddings : public testing::Test {
 protected:
  Embeddings() : golden_(Json::parse(read_text(fs::path(SCORESDE_SOURCE_DIR) / "tests/golden/embeddings.json"))) {}

  void expect_rows(const at::Tensor& y, const Json& rows, const std::vector<std::int64_t>& columns) const {
    for (std::size_t i = 0; i < rows.size(); ++i)
      for (std::size_t j = 0; j < columns.size(); ++j) {
        const double wanted = rows[i][j].get<double>();
        EXPECT_NEAR(y[static_cast<std::int64_t>(i)][columns[j]].item<double>(), wanted,
                    1e-9 * std::max(1.0, std::abs(wanted)))
            << i << ", " << columns[j];
      }
  }

  // The embedding written on a graph of (D): zeros + features.
  at::Tensor features(const std::function<int(GraphBuilder&)>& write, std::int64_t dimension,
                      const std::vector<double>& label, const std::vector<double>& frequencies = {}) const {
    GraphBuilder b({dimension});
    write(b);
    Network network(std::move(b).finish(), 0, at::kDouble);
    if (!frequencies.empty())
      network.load({{"f.weight", Tensor::of({static_cast<std::int64_t>(frequencies.size())},
                                            std::span<const double>(frequencies))}});
    const auto rows = static_cast<std::int64_t>(label.size());
    return network.forward(noise({rows, dimension}, 1),
                           from_tensor(Tensor::of({rows}, std::span<const double>(label)), at::kDouble));
  }

  Json golden_;
};

TEST_F(Embeddings, PositionalIsTheReferences) {
  const std::vector<double> steps = golden_["timesteps"];
  const std::pair<const char*, std::vector<std::int64_t>> cases[] = {
      {"positional_8_f64", {0, 1, 2, 3, 4, 5, 6, 7}},
      {"positional_7_f64", {0, 1, 2, 3, 4, 5, 6}},
      {"positional_128_f64_cols[0,1,2,61,62,63,64,65,125,126,127]", {0, 1, 2, 61, 62, 63, 64, 65, 125, 126, 127}}};
  for (const auto& [name, columns] : cases) {
    const std::int64_t dimension = columns.back() + 1;
    expect_rows(features([&](GraphBuilder& b) { return b.positional(b.label(), dimension); }, dimension, steps),
                golden_[name], columns);
  }
}

TEST_F(Embeddings, FourierIsTheReferences) {
  std::vector<double> label;
  for (const double sigma : golden_["fourier_sigma"]) label.push_back(std::log(sigma));
  expect_rows(features([](GraphBuilder& b) { return b.fourier("f", b.label(), 8, 1); }, 8, label, {0.5, -1.25, 2, 16}),
              golden_["fourier"], {0, 1, 2, 3, 4, 5, 6, 7});
}

}  // namespace
}  // namespace scoresde
