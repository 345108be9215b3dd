#include "engine/tuning.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "core/noise.h"
#include "engine/engine.h"

namespace scoresde {
namespace {

constexpr ConvShape shape{8, 8, 8, 8, 3, 1, 1, 1};

TEST(Tuning, ATableGoesBeforeTheRuleAndSurvivesItsFile) {
  Tuning tuning;
  ASSERT_EQ(tuning.text(), "");
  ASSERT_EQ(tuning.identity(), "");
  const bool rule = prefers_winograd(shape, 32, 32);
  tuning.choose(shape, 32, 32, !rule);
  const Tuning read(tuning.text(), "t.json");
  EXPECT_EQ(read.winograd(shape, 32, 32), !rule);
  EXPECT_EQ(read.winograd(shape, 32, 48), prefers_winograd(shape, 32, 48));
  EXPECT_EQ(read.identity(), tuning.identity());
  tuning.choose(shape, 32, 32, rule);
  EXPECT_NE(read.identity(), tuning.identity());
}

TEST(Tuning, AFileCannotAskForWhatCannotBeDone) {
  for (const char* text : {"[", "[]", "{\"3x3 32>32 8x8\": \"fft\"}", "{\"3x3 32>32 8x8\": 1}"})
    EXPECT_THROW(Tuning(text, "t.json"), Error) << text;
  const Tuning tuning(R"({"1x1 32>32 8x8": "winograd"})", "t.json");
  EXPECT_FALSE(tuning.winograd({8, 8, 8, 8, 1, 1, 0, 1}, 32, 32));
}

TEST(Tuning, BothMethodsGiveTheSameNetwork) {
  ModelSpec spec;
  spec.net.channels = 16;
  spec.net.attention = {};
  spec.shape = {1, 12, 12, true};
  const Graph graph = build_net(spec.net, spec.shape);
  std::map<std::string, Tensor> weights;
  for (std::size_t i = 0; i < graph.parameters.size(); ++i) {
    std::vector<float> values(static_cast<std::size_t>(element_count(graph.parameters[i].shape)));
    fill_normal({.sample = i}, values);
    for (float& value : values) value *= 0.1f;
    weights[graph.parameters[i].name] = Tensor::of(graph.parameters[i].shape, std::span<const float>(values));
  }
  Batch x(2, 144);
  fill_normal({.seed = 1}, std::span(x.data(), 288));
  Tuning direct, winograd;
  for (const TunedShape& s : measure_tuning(graph, direct)) EXPECT_GT(std::min(s.direct, s.winograd), 0) << s.key;
  for (auto* table : {&direct, &winograd})
    for (const int size : {12, 6, 3})
      for (const int in : {16, 32, 48, 64})
        for (const int out : {16, 32}) table->choose({size, size, size, size, 3, 1, 1, 1}, in, out, table == &winograd);
  const Batch a = Engine(spec, weights, 1, direct)(x, Times::Zero(2));
  const Batch b = Engine(spec, weights, 1, winograd)(x, Times::Zero(2));
  EXPECT_LT((a - b).abs().maxCoeff(), 1e-4 * a.abs().maxCoeff());  // 1e-6 a layer in rms (simd.h), some 20 layers
  EXPECT_GT((a - b).abs().maxCoeff(), 0);                          // the table was looked at
}

}  // namespace
}  // namespace scoresde
