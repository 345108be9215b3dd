#include "train/learn.h"

#include <gtest/gtest.h>

#include <cmath>

#include "data/dataset.h"

namespace scoresde {
namespace {

RunConfig stepping_config(const ObjectiveEntry& objective) {
  RunConfig config;
  config.objective.name = objective.name;
  config.sde.name = objective.name == "smld" ? "ve" : "vp";
  config.net.name = objective.classifies ? "classifier" : "unet";
  config.sde.sigma_max = 20;
  config.net.channels = 16;
  config.net.channel_mult = {1, 2};
  config.net.attention = {4};
  config.net.dropout = 0.1;
  config.net.classes = 10;
  config.batch = 16;
  config.optimizer.warmup = 0;
  config.validation.items = 32;
  config.data_std = 1;
  return config;
}

// The same items, noise and masks on both sides: losses apart by the rounding of float32 sums, gradient norms by that
// of a pass back through some 30 layers, and both by what Adam makes of it in the steps before.
TEST(Learn, EngineAndLibTorchTakeTheSameSteps) {
  const Dataset data = load_dataset("digits");
  for (const ObjectiveEntry& objective : objectives()) {
    if (objective.second_derivatives || objective.energy) continue;
    const RunConfig config = stepping_config(objective);
    RunConfig exact = config;
    exact.exact = true;
    Training fast(config, data), slow(exact, data);
    ASSERT_TRUE(fast.on_engine()) << objective.name;
    ASSERT_FALSE(slow.on_engine()) << objective.name;
    for (int step = 0; step < 5; ++step) {
      const UpdateReport a = fast.update(), b = slow.update();
      EXPECT_NEAR(a.loss, b.loss, 1e-4 * std::abs(b.loss)) << objective.name << ", step " << step;
      EXPECT_NEAR(a.grad_norm, b.grad_norm, 1e-3 * b.grad_norm) << objective.name << ", step " << step;
    }
    EXPECT_NEAR(fast.validate().loss, slow.validate().loss, 1e-4 * std::abs(slow.validate().loss)) << objective.name;
  }
}

TEST(Learn, LibTorchServesWhatTheEngineDoesNot) {
  const Graph graph = build_net({}, {1, 28, 28, true});
  for (const ObjectiveEntry& objective : objectives()) {
    RunConfig config;
    config.objective.name = objective.name;
    EXPECT_EQ(trains_on_engine(config, graph), !objective.second_derivatives) << objective.name;
  }
  RunConfig exact, elsewhere;
  exact.exact = true;
  elsewhere.device = "cuda";
  EXPECT_FALSE(trains_on_engine(exact, graph));
  EXPECT_FALSE(trains_on_engine(elsewhere, graph));
}

}  // namespace
}  // namespace scoresde
