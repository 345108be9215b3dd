#include "nn/dense.h"

#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>
#include <cstring>

#include "net/graph_builder.h"
#include "net/net_config.h"
#include "nn/dense_kernels.h"
#include "nn/test_support.h"

namespace scoresde {
namespace {

using testing_support::noise;

// Every op of rows, widths that are no multiple of a vector, a linear map read twice.
Graph all_row_ops() {
  GraphBuilder b({3}, 2);
  const int time = b.add(b.linear("time", b.concat(b.fourier("f", b.label(), 6, 1), b.positional(b.label(250), 7)), 19),
                         b.embedding("class", b.class_label(), 19), 0.7);
  const int h = b.linear("in", b.input(), 19);
  const int left = b.linear("left", b.silu(b.add(h, b.silu(time), 1.3)), 5);
  const int right = b.linear("right", b.dropout(b.silu(b.concat(left, b.concat(h, time))), 0.2), 5);
  b.linear("out", b.add(left, right), 4);
  return std::move(b).finish();
}

struct DenseCase {
  Graph graph = all_row_ops();
  Network network{graph, 5};
  std::shared_ptr<const DenseNetwork> dense;
  at::Tensor x, label, v;

  explicit DenseCase(int rows, bool one_label) {
    testing_support::stir(network);
    dense = DenseNetwork::compile(graph, network.parameters());
    x = noise({rows, 3}, 1, at::kFloat);
    v = noise({rows, 4}, 2, at::kFloat);
    label = noise({rows}, 3, at::kFloat);
    if (one_label) label.fill_(0.3);
  }
  std::span<const float> labels() const { return {label.data_ptr<float>(), static_cast<std::size_t>(label.numel())}; }
};

// Both sum some 25 products of size one in float32, in different orders: 25 roundings of 6e-8 of a sum below 10.
TEST(Dense, AgreesWithAten) {
  for (const bool one_label : {true, false}) {
    const DenseCase c(37, one_label);
    ASSERT_NE(c.dense, nullptr);
    for (const int class_label : {-1, 0, 1}) {
      const at::Tensor classes = noise({37}, 1).mul(0).add(class_label).to(at::kLong);
      const at::Tensor x = c.x.detach().clone().set_requires_grad(true);
      const at::Tensor expected = c.network.forward(x, c.label, classes);
      const at::Tensor pulled = torch::autograd::grad({expected}, {x}, {c.v}).at(0);
      at::Tensor out = c.v.clone(), back = c.x.clone();
      const std::vector<const float*> v = {c.v.data_ptr<float>()};
      const std::vector<float*> to = {back.data_ptr<float>()};
      c.dense->evaluate(c.x.data_ptr<float>(), c.labels(), class_label, out.data_ptr<float>(), v, to);
      EXPECT_LT((out - expected).abs().max().item<float>(), 2e-5) << class_label;
      EXPECT_LT((back - pulled).abs().max().item<float>(), 2e-5) << class_label;
      EXPECT_GT(expected.abs().max().item<float>(), 0.1);
    }
  }
}

TEST(Dense, ARowIsTheSameBitsInEveryBlock) {
  for (const bool one_label : {true, false}) {
    const DenseCase c(DenseNetwork::block, one_label);
    std::vector<float> whole(4 * DenseNetwork::block), back(3 * DenseNetwork::block), part(4), part_back(3);
    const auto evaluate = [&](std::size_t first, std::size_t rows, std::vector<float>& out,
                              std::vector<float>& pulled) {
      const std::vector<const float*> v = {c.v.data_ptr<float>() + 4 * first};
      const std::vector<float*> to = {pulled.data()};
      c.dense->evaluate(c.x.data_ptr<float>() + 3 * first, c.labels().subspan(first, rows), 1, out.data(), v, to);
    };
    evaluate(0, DenseNetwork::block, whole, back);
    for (std::size_t i = 0; i < DenseNetwork::block; ++i) {
      evaluate(i, 1, part, part_back);
      EXPECT_EQ(std::memcmp(part.data(), &whole[4 * i], 4 * sizeof(float)), 0) << i;
      EXPECT_EQ(std::memcmp(part_back.data(), &back[3 * i], 3 * sizeof(float)), 0) << i;
    }
  }
}

TEST(Dense, SiluIsExactToRounding) {
  constexpr int n = 4096;
  std::vector<float> x(n), y(n), v(n, 1.0f), g(n, 0.0f);
  for (int i = 0; i < n; ++i) x[static_cast<std::size_t>(i)] = -100.0f + 200.0f * static_cast<float>(i) / (n - 1);
  dense_silu(x.data(), y.data(), n);
  dense_silu_back(x.data(), v.data(), g.data(), n);
  for (std::size_t i = 0; i < n; ++i) {
    const double share = 1 / (1 + std::exp(-static_cast<double>(x[i]))), exact = x[i] * share;
    EXPECT_NEAR(y[i], exact, 6e-7 * std::abs(exact) + 1e-35) << x[i];
    EXPECT_NEAR(g[i], share * (1 + x[i] * (1 - share)), 2e-6) << x[i];
  }
}

TEST(Dense, LeavesImagesAndDoublesToAten) {
  const Graph rows = all_row_ops();
  EXPECT_EQ(DenseNetwork::compile(rows, Network(rows, 1, at::kDouble).parameters()), nullptr);
  NetConfig config;
  config.channels = 8;
  config.channel_mult = {1};
  const Graph image = build_net(config, {1, 4, 4, true});
  EXPECT_EQ(DenseNetwork::compile(image, Network(image, 1).parameters()), nullptr);
}

}  // namespace
}  // namespace scoresde
