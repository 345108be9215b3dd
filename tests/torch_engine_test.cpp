#include <gtest/gtest.h>

#include <cmath>

#include "engine/engine_score.h"
#include "net/op_cases.h"
#include "net/test_nets.h"
#include "nn/classify.h"
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
  std::string_view name;
  ItemShape shape;
  NetConfig net;
};

// Some that use the engine's own turns, and a small one of every kind that gives a score.
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
  std::vector<EngineCase> cases = {{"unet", {1, 14, 14, true}, unet},
                                   {"odd sizes", {3, 9, 18, true}, odd},
                                   {"patches and classes", {3, 14, 14, true}, patched},
                                   {"mlp", {5, 1, 1, false}, mlp}};
  for (const NetEntry& entry : nets()) {
    const auto [config, shape] = testing_support::small_net(entry.name);
    if (build_net(config, shape).output_shape() == build_net(config, shape).input_shape)
      cases.push_back({entry.name, shape, config});
  }
  NetConfig adm = patched;
  adm.scale_shift_norm = true;
  cases.push_back({"unet, scaled and shifted by time and class", {3, 14, 14, true}, adm});
  for (const char* name : {"ncsn", "ncsnv2"}) {
    auto [config, shape] = testing_support::small_net(name);
    config.jax_layers = true;
    cases.push_back({name, shape, config});
  }
  NetConfig ncsnpp = testing_support::small_net("ncsnpp").config;
  ncsnpp.progressive = "output_skip";
  ncsnpp.progressive_input = "input_skip";
  ncsnpp.scale_by_sigma = true;
  ncsnpp.channels = 16;
  cases.push_back({"ncsnpp with pyramids", {3, 12, 12, true}, ncsnpp});
  ncsnpp.progressive = "residual";
  ncsnpp.progressive_input = "residual";
  ncsnpp.combine = "cat";
  ncsnpp.resblock = "ddpm";
  cases.push_back({"ncsnpp with residual pyramids", {3, 12, 12, true}, ncsnpp});
  return cases;
}

Batch engine_noise(Index rows, Index columns) {
  std::vector<std::uint64_t> ids;
  for (Index i = 0; i < rows; ++i) ids.push_back(static_cast<std::uint64_t>(i));
  return CounterNoise(3, ids, columns).normal(Purpose::test, {1, 0, 0});
}

at::Tensor engine_tensor(std::vector<std::int64_t> shape, const std::vector<double>& values) {
  return from_tensor(Tensor::of(std::move(shape), std::span<const double>(values)), at::kDouble);
}

// One op at a time against LibTorch in double: a few roundings of single precision apart.
TEST(Engine, EveryOpIsLibTorchs) {
  int compared = 0;
  for (const OpCase& op : op_cases()) {
    const Graph graph = op.graph();
    std::vector<at::Tensor> parameters;
    std::vector<std::vector<float>> weights;
    for (const Parameter& p : graph.parameters) {
      const std::vector<double> values = op_case_values(element_count(p.shape), 10 + parameters.size());
      parameters.push_back(engine_tensor(p.shape, values));
      weights.emplace_back(values.begin(), values.end());
    }
    const Plan plan = compile(graph, [&](int i) { return weights[static_cast<std::size_t>(i)].data(); });
    const std::vector<double> x = op_case_values(element_count(graph.input_shape), 1);
    const double label = 0.7;
    std::vector<std::int64_t> shape = graph.input_shape;
    shape.insert(shape.begin(), 1);
    at::Tensor classes;
    if (graph.classes > 0) classes = engine_tensor({1}, {1}).to(at::kLong);
    const at::Tensor slow =
        evaluate(graph, parameters, engine_tensor(shape, x), engine_tensor({1}, {label}), classes, {}).contiguous();
    AlignedFloats memory(plan.floats_a_sample), shared(plan.shared_floats), scratch(plan.scratch(1));
    for (const Size parts : {1, 3}) {
      scoresde::Run run{memory.data(), shared.data(), scratch.data(), 1};
      if (plan.label.rows > 0) *run.map(plan.label).data = static_cast<float>(label);
      if (plan.class_label.rows > 0) *run.map(plan.class_label).data = 1;
      for (const KernelPtr& step : plan.shared_steps) step->run(run);
      const Size pixels = plan.input.rows;
      for (Size p = 0; p < pixels; ++p)
        for (Size c = 0; c < plan.input.channels; ++c)
          run.map(plan.input).data[p * plan.input.stride + c] =
              static_cast<float>(x[static_cast<std::size_t>(c * pixels + p)]);
      run.parts = parts;
      for (const KernelPtr& step : plan.steps)
        for (run.part = 0; run.part < parts; ++run.part) step->run(run);
      const Size out_pixels = plan.output.rows;
      ASSERT_EQ(slow.numel(), out_pixels * plan.output.channels) << op.name;
      for (Size p = 0; p < out_pixels; ++p)
        for (Size c = 0; c < plan.output.channels; ++c, ++compared) {
          const double wanted = slow.data_ptr<double>()[c * out_pixels + p];
          EXPECT_NEAR(run.map(plan.output).data[p * plan.output.stride + c], wanted,
                      3e-6 * std::max(1.0, std::abs(wanted)))
              << op.name << ", pixel " << p << ", channel " << c;
        }
    }
  }
  EXPECT_GT(compared, 1000);
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

TEST(Engine, ClassifiesAsLibTorch) {
  for (const std::string_view name : {"classifier", "wide-resnet"}) {
    const auto [config, shape] = testing_support::small_net(name);
    const Model model = stirred_model(config, shape);
    const Batch x = engine_noise(5, shape.size());
    const Batch slow = class_probabilities(model, x, 0.3), fast = engine_probabilities(model, x, 0.3, 2);
    EXPECT_LT((slow - fast).abs().maxCoeff(), 1e-5) << name;
    EXPECT_LT(slow.minCoeff(), 0.3) << name << ": too even to tell";
  }
}

}  // namespace
}  // namespace scoresde
