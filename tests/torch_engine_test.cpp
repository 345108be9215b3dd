#include <gtest/gtest.h>

#include <cmath>

#include "engine/engine_score.h"
#include "engine_cases.h"
#include "net/op_cases.h"
#include "nn/classify.h"
#include "nn/network_score.h"
#include "nn/threads.h"

namespace scoresde {
namespace {

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
