#include "train/optimizer.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include <cmath>

#include "core/file.h"
#include "nn/threads.h"
#include "test_paths.h"
#include "train/adam_kernel.h"

namespace scoresde {
namespace {

at::Tensor doubles(const std::vector<double>& values) { return at::tensor(values, at::kDouble); }

void expect_values(const at::Tensor& tensor, const Json& expected, const std::string& what) {
  for (std::int64_t j = 0; j < tensor.numel(); ++j) {
    const double value = expected[static_cast<std::size_t>(j)].get<double>();
    EXPECT_NEAR(tensor.data_ptr<double>()[j], value, 1e-9 * std::abs(value)) << what << "[" << j << "]";
  }
}

TEST(Optimizer, MatchesTheReferencesTrajectories) {
  const Json golden = Json::parse(read_text(fs::path(SCORESDE_SOURCE_DIR) / "tests/golden/optim_ema_f64.json"));
  ASSERT_EQ(golden["runs"].size(), 3u);
  for (const Json& run : golden["runs"]) {
    OptimizerConfig config;
    config.lr = 2e-4;
    config.beta2 = 0.999;
    config.warmup = run["warmup"].get<int>();
    config.clip = std::max(0.0, run["grad_clip"].get<double>());
    config.clip_rule = "norm+1e-6";
    config.weight_decay = run["weight_decay"].get<double>();
    const EmaConfig ema{.rate = run["ema_rate"].get<double>()};
    const at::Tensor w = doubles({1, -2, 0.5}), b = doubles({0.1, 0.2}), ema_w = w.clone(), ema_b = b.clone();
    Adam adam(config, {w, b}, {ema_w, ema_b});
    for (const Json& step : run["steps"]) {
      const int s = step["step"].get<int>();
      const double size = 3;
      std::vector<double> gw, gb;
      for (int j = 0; j < 3; ++j) gw.push_back(size * std::cos(0.5 + j + 0.3 * s));
      for (int j = 0; j < 2; ++j) gb.push_back(size * std::sin(0.2 + j + 0.7 * s));
      const std::vector<at::Tensor> gradients = {doubles(gw), doubles(gb)};
      const double factor = clip_factor(config, global_norm(gradients));
      const double lr = learning_rate(config, adam.updates(), 0.9), decay = ema_decay(ema, adam.updates() + 1, 1, 0);
      adam.update(gradients, lr, factor, decay);
      const std::string where = "step " + std::to_string(s) + " ";
      EXPECT_NEAR(lr, step["lr"].get<double>(), 1e-15) << where;
      EXPECT_NEAR(decay, step["decay"].get<double>(), 1e-12) << where;
      expect_values(gradients[0] * factor, step["clipped_gw"], where + "clipped_gw");
      expect_values(w, step["w"], where + "w");
      expect_values(b, step["b"], where + "b");
      expect_values(ema_w, step["ema_w"], where + "ema_w");
      expect_values(ema_b, step["ema_b"], where + "ema_b");
    }
  }
}

// The one-pass update on memory against the one made of tensor operations, which other devices take; a transposed
// parameter takes it here.
TEST(Optimizer, OnePassEqualsTensorOperations) {
  for (const char* name : {"adam", "adamw"}) {
    OptimizerConfig config;
    config.name = name;
    config.weight_decay = 0.1;
    const at::Tensor start = at::empty({3, 5}, at::kDouble);
    for (int j = 0; j < 15; ++j) start.data_ptr<double>()[j] = std::cos(j);
    const at::Tensor fast = start.clone(), fast_ema = start.clone();
    const at::Tensor slow = start.t().contiguous().t(), slow_ema = start.clone();
    Adam one_pass(config, {fast}, {fast_ema}), by_operations(config, {slow}, {slow_ema});
    for (int s = 0; s < 5; ++s) {
      const std::vector<at::Tensor> gradient = {(start + 0.1 * s).sin()};
      one_pass.update(gradient, 1e-2, 0.7, 0.9);
      by_operations.update(gradient, 1e-2, 0.7, 0.9);
    }
    EXPECT_LT((fast - slow).abs().max().item<double>(), 1e-14) << name;
    EXPECT_LT((fast_ema - slow_ema).abs().max().item<double>(), 1e-14) << name;
    EXPECT_GT((fast - start).abs().max().item<double>(), 1e-2) << name;
  }
}

// Sizes at and beside the edges of pieces and vectors, in float32 by one and by two threads: the same bits, and close
// to float64. A step is lr in size, and its relative error some roundings.
TEST(Optimizer, PiecesReachEveryElement) {
  const OptimizerConfig config;
  const std::vector<std::int64_t> sizes = {1, 15, 4095, 4096, 4097, 70001};
  const auto trained = [&](at::ScalarType type, int threads) {
    set_threads(threads);
    std::vector<at::Tensor> parameters, averages, gradients;
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      parameters.push_back(at::arange(sizes[i], at::kDouble).cos().to(type));
      averages.push_back(parameters.back().clone());
      gradients.push_back(i == 1 ? at::Tensor() : at::arange(sizes[i], at::kDouble).sin().to(type));
    }
    Adam adam(config, parameters, averages);
    double norm = 0;
    for (int s = 0; s < 3; ++s) {
      norm = global_norm(gradients);
      adam.update(gradients, 1e-2, clip_factor(config, norm), 0.9);
    }
    parameters.insert(parameters.end(), averages.begin(), averages.end());
    return std::pair(at::cat(parameters), norm);
  };
  const auto [one, norm_one] = trained(at::kFloat, 1);
  const auto [two, norm_two] = trained(at::kFloat, 2);
  const auto [wide, norm] = trained(at::kDouble, 1);
  set_threads(1);
  EXPECT_TRUE(one.equal(two));
  EXPECT_EQ(norm_one, norm_two);
  EXPECT_NEAR(norm_one, norm, 1e-7 * norm);
  double squares = 0;
  for (std::size_t i = 0; i < sizes.size(); ++i)
    for (std::int64_t j = 0; i != 1 && j < sizes[i]; ++j) squares += std::sin(j) * std::sin(j);
  EXPECT_NEAR(norm, std::sqrt(squares), 1e-12 * norm);
  EXPECT_LT((one.to(at::kDouble) - wide).abs().max().item<double>(), 8 * 0x1p-24 + 3e-2 * 16 * 0x1p-24);
}

// Element by element in scalar code: the same bits at every vector width, and in the rest behind the last vector.
TEST(Optimizer, VectorsChangeNoBit) {
  const AdamNumbers<float> s{0.3f, 0.01f, 0.9f, 0.1f, 0.99f, 0.01f, 0.999f, 0.002f, 1.7f, 1e-8f, 0.95f};
  std::vector<float> g(101), p(101), m(101), v(101), ema(101);
  for (std::size_t j = 0; j < g.size(); ++j) {
    const auto x = static_cast<float>(j + 1);
    g[j] = std::sin(x), p[j] = std::cos(x), m[j] = 0.1f * p[j], v[j] = g[j] * g[j], ema[j] = p[j] + 0.01f;
  }
  auto fast_p = p, fast_m = m, fast_v = v, fast_ema = ema;
  adam_update(s, {g.data(), fast_p.data(), fast_m.data(), fast_v.data(), fast_ema.data()}, 101);
  double squares[16] = {};
  for (std::size_t j = 0; j < g.size(); ++j) {
    const float gradient = s.factor * g[j] + s.joined * p[j];
    m[j] = s.beta1 * m[j] + s.rest1 * gradient;
    v[j] = s.beta2 * v[j] + s.rest2 * gradient * gradient;
    p[j] = s.shrink * p[j] - s.rate * m[j] / (std::sqrt(v[j]) * s.root_scale + s.epsilon);
    ema[j] = p[j] + s.decay * (ema[j] - p[j]);
    squares[j % 16] += static_cast<double>(g[j]) * static_cast<double>(g[j]);
  }
  EXPECT_EQ(fast_p, p);
  EXPECT_EQ(fast_m, m);
  EXPECT_EQ(fast_v, v);
  EXPECT_EQ(fast_ema, ema);
  for (int half = 8; half > 0; half /= 2)
    for (int k = 0; k < half; ++k) squares[k] += squares[k + half];
  EXPECT_EQ(square_sum(g.data(), 101), squares[0]);
}

TEST(Optimizer, LearningRateFallsOverTheLastShareOfTheBudget) {
  const OptimizerConfig config{.lr = 0.5, .warmup = 0, .decay = 0.25};
  EXPECT_DOUBLE_EQ(learning_rate(config, 7, 0), 0.5);
  EXPECT_DOUBLE_EQ(learning_rate(config, 7, 0.75), 0.5);
  EXPECT_DOUBLE_EQ(learning_rate(config, 7, 0.875), 0.25);
  EXPECT_DOUBLE_EQ(learning_rate(config, 7, 1), 0);
}

// AdamW shrinks by lr wd, whatever the gradient's size; Adam's first step is lr in size for any gradient.
TEST(Optimizer, DecoupledDecay) {
  OptimizerConfig config;
  config.name = "adamw";
  config.weight_decay = 0.5;
  config.epsilon = 0;
  const at::Tensor p = doubles({2}), ema = p.clone();
  Adam adam(config, {p}, {ema});
  adam.update(std::vector<at::Tensor>{doubles({123})}, 0.1, 1, 0);
  EXPECT_NEAR(p.item<double>(), 2 * (1 - 0.1 * 0.5) - 0.1, 1e-14);
}

TEST(Optimizer, BothClipRulesAndNonFiniteNorms) {
  OptimizerConfig config;
  config.clip = 2;
  EXPECT_DOUBLE_EQ(clip_factor(config, 8), 0.25);
  EXPECT_DOUBLE_EQ(clip_factor(config, 1), 1);
  config.clip_rule = "norm+1e-6";
  EXPECT_DOUBLE_EQ(clip_factor(config, 8), 2 / (8 + 1e-6));
  EXPECT_DOUBLE_EQ(clip_factor(config, 1), 1);
  const std::vector<at::Tensor> fine = {doubles({3}), at::Tensor(), doubles({4})};
  EXPECT_DOUBLE_EQ(global_norm(fine), 5);
  const std::vector<at::Tensor> broken = {doubles({3, std::nan("")})};
  EXPECT_FALSE(std::isfinite(global_norm(broken)));
}

TEST(Ema, HalfLifeInImagesWithRamp) {
  const EmaConfig config{.rate = 0, .half_life = 1000, .ramp = 0.1};
  EXPECT_DOUBLE_EQ(ema_decay(config, 1, 100, 1e9), std::exp2(-0.1));
  EXPECT_DOUBLE_EQ(ema_decay(config, 1, 100, 2000), 0.70710678118654752);  // half-life 200: half a halving
  EXPECT_DOUBLE_EQ(ema_decay({.rate = 0, .half_life = 0}, 1, 100, 1e9), 0);
}

}  // namespace
}  // namespace scoresde
