#include <gtest/gtest.h>

#include <cmath>

#include "engine/engine_score.h"
#include "nn/network.h"
#include "nn/network_score.h"
#include "nn/test_support.h"
#include "nn/threads.h"

namespace scoresde {
namespace {

// A model with weights of size one everywhere, those that training starts at zero included.
Model stirred_model(const NetConfig& net, const ItemShape& shape) {
  ModelSpec spec;
  spec.sde.name = "vp";
  spec.net = net;
  spec.shape = shape;
  Network network(build_net(net, shape), 1, at::kFloat);
  testing_support::stir(network);
  return {spec, network.state(), "test"};
}

struct EngineCase {
  const char* name;
  ItemShape shape;
  NetConfig net;
};

std::vector<EngineCase> engine_cases() {
  NetConfig unet;
  unet.name = "unet";
  unet.channels = 24;
  unet.channel_mult = {1, 2};
  unet.attention = {7};
  unet.heads = 2;
  NetConfig odd = unet;
  odd.channels = 20;
  odd.channel_mult = {1, 2, 3};
  odd.attention = {5, 9};
  odd.embedding = "positional";
  odd.heads = 4;
  NetConfig patched = unet;
  patched.patch = 2;
  patched.classes = 3;
  NetConfig mlp;
  mlp.name = "mlp";
  mlp.channels = 50;
  mlp.classes = 2;
  return {{"unet", {1, 14, 14, true}, unet},
          {"odd sizes", {3, 9, 18, true}, odd},
          {"patches and classes", {3, 14, 14, true}, patched},
          {"mlp", {5, 1, 1, false}, mlp}};
}

Batch engine_noise(Index rows, Index columns) {
  std::vector<std::uint64_t> ids;
  for (Index i = 0; i < rows; ++i) ids.push_back(static_cast<std::uint64_t>(i));
  return CounterNoise(3, ids, columns).normal(Purpose::test, {1, 0, 0});
}

// Single precision keeps 6e-8 of each product; through some 60 layers of weights of size one, and Winograd's
// transforms, which lose a factor 5, 2e-5 of the largest output is what may be lost.
TEST(Engine, AgreesWithLibTorchOnEveryNetwork) {
  for (const EngineCase& c : engine_cases()) {
    const Model model = stirred_model(c.net, c.shape);
    const Batch x = engine_noise(5, c.shape.size());
    Times t(5);
    t << 0.9, 0.9, 0.5, 0.01, 0.2;
    for (const std::optional<int> label :
         {std::optional<int>(), c.net.classes > 0 ? std::optional<int>(1) : std::nullopt}) {
      const Batch slow = NetworkScore(model, label)(x, t), fast = EngineScore(model, label, 2)(x, t);
      ASSERT_TRUE(fast.allFinite()) << c.name;
      for (Index row = 0; row < x.rows(); ++row)
        EXPECT_LT((slow - fast).row(row).abs().maxCoeff(), 2e-5 * slow.row(row).abs().maxCoeff())
            << c.name << ", row " << row;
    }
  }
}

TEST(Engine, ARowIsTheSameBitsInAnyBatchAndAtAnyThreadCount) {
  for (const EngineCase& c : engine_cases()) {
    const Model model = stirred_model(c.net, c.shape);
    const Batch x = engine_noise(19, c.shape.size());
    const Times t = Times::Constant(19, 0.4);
    const EngineScore one(model, {}, 1), two(model, {}, 2), three(model, {}, 3);
    const Batch whole = two(x, t);
    EXPECT_TRUE((one(x, t) == whole).all()) << c.name;
    EXPECT_TRUE((three(x, t) == whole).all()) << c.name;
    for (const Index rows : {1, 2, 7}) {
      const Batch part = two(x.middleRows(3, rows), t.head(rows));
      EXPECT_TRUE((part == whole.middleRows(3, rows)).all()) << c.name << ", " << rows << " rows";
      EXPECT_TRUE((three(x.middleRows(3, rows), t.head(rows)) == part).all()) << c.name << ", " << rows << " rows";
    }
  }
}

}  // namespace
}  // namespace scoresde
