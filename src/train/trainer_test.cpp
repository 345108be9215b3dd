#include "train/trainer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <sstream>

#include "nn/threads.h"
#include "train/checkpoint.h"
#include "train/journal.h"
#include "train/learn.h"

namespace scoresde {
namespace {

class TrainerTest : public testing::Test {
 protected:
  void SetUp() override {
    set_threads(1);  // tiny networks; two threads that wait for each other are slower on a busy machine
    folder_ = fs::path(testing::TempDir()) /
              fmt::format("scoresde_{}_{}", testing::UnitTest::GetInstance()->current_test_info()->name(), getpid());
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  static RunConfig toy_config(long long images) {
    RunConfig config;
    config.data.source = "moons";
    config.sde.name = "edm";
    config.net.name = "mlp";
    config.net.channels = 32;
    config.net.depth = 2;
    config.batch = 64;
    config.budget.images = images;
    config.log.every = 640;
    config.log.samples_every = 0;
    config.validation.every = 6400;
    config.checkpoint.minutes = 0;
    return config;
  }

  TrainResult train(const RunConfig& config, const std::string& name, bool resume = false,
                    const std::function<void(TrainOptions&)>& change = {}) const {
    TrainOptions options;
    options.out = folder_ / name;
    options.resume = resume;
    if (change) change(options);
    return train_run(config, options);
  }

  std::string bytes(const std::string& run, const std::string& file) const {
    return read_text(folder_ / run / "checkpoints" / "latest" / file);
  }

  std::vector<Json> metrics(const std::string& run) const {
    std::istringstream in(read_text(folder_ / run / "metrics.jsonl"));
    std::vector<Json> lines;
    for (std::string line; std::getline(in, line);) lines.push_back(Json::parse(line));
    return lines;
  }

  fs::path folder_;
};

TEST_F(TrainerTest, LearnsMoonsAndLeavesARunFolder) {
  RunConfig config = toy_config(64 * 400);
  config.net.channels = 64;
  config.net.depth = 3;
  config.optimizer.lr = 5e-3;
  config.validation.every = 640;
  const TrainResult result = train(config, "run");
  EXPECT_EQ(result.outcome, TrainOutcome::done);
  EXPECT_EQ(result.steps, 400);
  EXPECT_EQ(result.images, 64 * 400);
  for (const char* file : {"config.toml", "log.txt", "metrics.jsonl", "checkpoints/latest/model.safetensors",
                           "checkpoints/best/model.safetensors"})
    EXPECT_TRUE(fs::exists(folder_ / "run" / file)) << file;
  std::vector<double> validation;
  for (const Json& line : metrics("run"))
    if (line.contains("validation")) validation.push_back(line["validation"].get<double>());
  ASSERT_GE(validation.size(), 3u);
  EXPECT_LT(validation.back(), 0.97 * validation.front());  // 0.955 against 1.018
  EXPECT_EQ(validation.back(), result.validation);
  RunConfig written;
  update(written, read_toml((folder_ / "run" / "config.toml").string()));
  EXPECT_GT(written.data_std, 0);
  const Model model = read_model(folder_ / "run");
  EXPECT_EQ(model.spec.images_seen, 64 * 400);
}

// Stopped after 100 updates and resumed, with a checkpoint at each end.
TEST_F(TrainerTest, InterruptedAndResumedEqualsUninterrupted) {
  RunConfig config = toy_config(64 * 250);
  config.net.dropout = 0.1;
  train(config, "whole");
  std::atomic<bool> stop = false;
  const TrainResult first = train(config, "parts", false, [&](TrainOptions& options) {
    options.stop = &stop;
    options.on_progress = [&](const TrainStatus& status) { stop = status.step == 103; };
  });
  EXPECT_EQ(first.outcome, TrainOutcome::interrupted);
  EXPECT_EQ(first.steps, 103);
  const TrainResult second = train(config, "parts", true);
  EXPECT_EQ(second.outcome, TrainOutcome::done);
  for (const char* file : {"model.safetensors", "state.safetensors"})
    EXPECT_TRUE(bytes("whole", file) == bytes("parts", file)) << file;
  const auto losses = [](const std::vector<Json>& lines) {
    std::vector<Json> result;
    for (const Json& line : lines)
      if (line.contains("loss")) result.push_back({line["step"], line["loss"], line["grad_norm"]});
    return result;
  };
  EXPECT_EQ(losses(metrics("whole")), losses(metrics("parts")));
}

TEST_F(TrainerTest, AccumulationSeesTheSameItemsAsALargerBatch) {
  RunConfig large = toy_config(64 * 20), split = large;
  split.batch = 16;
  split.accumulation = 4;
  EXPECT_NEAR(train(large, "large").loss, train(split, "split").loss, 1e-4);
}

TEST_F(TrainerTest, AResumedRunMustBeTheSameRun) {
  RunConfig config = toy_config(64 * 5);
  train(config, "run");
  EXPECT_THROW(train(config, "run"), Error);  // neither resume nor force
  RunConfig other = config;
  other.optimizer.lr = 5e-4;
  try {
    train(other, "run", true);
    FAIL() << "a changed learning rate was accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.failure(), Failure::usage);
    EXPECT_NE(std::string(error.what()).find("optimizer.lr = 0.0005"), std::string::npos) << error.what();
  }
  RunConfig longer = config;
  longer.budget.images = 64 * 8;
  EXPECT_EQ(train(longer, "run", true).steps, 8);
  RunConfig fewer = toy_config(64 * 5);
  EXPECT_EQ(train(fewer, "run", false, [](TrainOptions& options) { options.force = true; }).steps, 5);
}

TEST_F(TrainerTest, NonFiniteStepsAreSkippedAndThenStopTheRun) {
  RunConfig config = toy_config(64 * 2000);
  config.optimizer.lr = 100;
  config.optimizer.clip = 0;
  config.optimizer.warmup = 0;
  config.net.prediction = "denoised";
  config.net.depth = 12;
  config.checkpoint.every = 64;
  config.max_bad_steps = 3;
  const TrainResult result = train(config, "run");
  ASSERT_EQ(result.outcome, TrainOutcome::numerical_failure);
  EXPECT_GE(result.bad_steps, 3);
  EXPECT_NE(result.message.find("not finite"), std::string::npos) << result.message;
  const Model model = read_model(folder_ / "run");  // the last good checkpoint stands
  for (const auto& [name, tensor] : model.weights)
    for (float value : tensor.f32()) ASSERT_TRUE(std::isfinite(value)) << name;
}

TEST_F(TrainerTest, ANaNInTheDataIsNamed) {
  RunConfig config = toy_config(64 * 100);
  config.validation.items = 0;
  config.batch = 8;
  Dataset data = load_dataset("moons");
  data.values[2 * 4321 + 1] = std::nanf("");
  config.data_std = 1;
  Training training(config, data);
  std::string problem;
  const auto items = static_cast<long long>(data.count);
  while (problem.empty() && training.images() < items) problem = training.update().problem;
  EXPECT_NE(problem.find("the data is not finite: item 4321"), std::string::npos) << problem;
  EXPECT_NE(problem.find(" at t = "), std::string::npos) << problem;
  EXPECT_NE(problem.find(fmt::format("step {} ", training.step())), std::string::npos) << problem;
  EXPECT_TRUE(training.update().problem.empty());  // the weights were left alone
}

TEST_F(TrainerTest, AClassifierReportsItsAccuracy) {
  RunConfig config;
  config.data.source = "digits";
  config.net.name = "classifier";
  config.net.channels = 16;
  config.net.channel_mult = {1, 2};
  config.net.attention = {};
  config.objective.name = "cross-entropy";
  config.objective.noise_conditional = false;
  config.optimizer.lr = 3e-3;
  config.ema.half_life = 500;
  config.budget.images = 64 * 80;
  config.checkpoint.minutes = 0;
  const TrainResult result = train(config, "run");
  EXPECT_GT(result.accuracy, 0.7);  // chance is 0.1
}

TEST_F(TrainerTest, ForecastMeasuresAStep) {
  const TrainForecast forecast = forecast_run(toy_config(6400), {});
  EXPECT_GT(forecast.parameters, 1000);
  EXPECT_GT(forecast.seconds_per_step, 0);
  EXPECT_EQ(forecast.images, 6400);
  EXPECT_GT(forecast.config.data_std, 0);
}

TEST_F(TrainerTest, CheckpointStoreKeepsLatestAndBestAndSurvivesLeftovers) {
  const CheckpointStore store(folder_ / "checkpoints");
  EXPECT_FALSE(store.load().has_value());
  ModelSpec spec;
  TrainState state;
  const std::vector<float> values = {1, 2, 3};
  state.config = Json::object();
  state.weights["w"] = state.average["w"] = Tensor::of({3}, std::span<const float>(values));
  for (long long step : {10, 20, 30}) {
    state.step = step;
    if (step == 20) {
      state.best_step = 20;
      state.best_validation = 0.5;
    }
    store.save(state, spec);
  }
  const auto exists = [&](const char* name) { return fs::exists(folder_ / "checkpoints" / name); };
  EXPECT_FALSE(exists("step_000000010"));
  EXPECT_TRUE(exists("step_000000020"));
  EXPECT_TRUE(exists("step_000000030"));
  // Killed while a set was being written, and after its rename but before the link was swapped.
  fs::create_directories(folder_ / "checkpoints/step_000000040.tmp");
  fs::create_directories(folder_ / "checkpoints/step_000000040");
  const auto loaded = store.load();
  ASSERT_TRUE(loaded.has_value());
  EXPECT_EQ(loaded->step, 30);
  EXPECT_EQ(loaded->best_validation, 0.5);
  EXPECT_EQ(loaded->weights.at("w").bytes, state.weights.at("w").bytes);
  state.step = 40;
  store.save(state, spec);
  EXPECT_EQ(store.load()->step, 40);
  EXPECT_EQ(fs::read_symlink(folder_ / "checkpoints/best"), "step_000000020");
  EXPECT_FALSE(exists("step_000000040.tmp"));
}

TEST_F(TrainerTest, MetricsAreCutBackToAStep) {
  const fs::path path = folder_ / "metrics.jsonl";
  write_atomically(path, std::string_view("{\"step\":1}\n{\"step\":5}\n{\"step\":9}\n{\"st"));
  truncate_metrics(path, 5);
  EXPECT_EQ(read_text(path), "{\"step\":1}\n{\"step\":5}\n");
}

TEST(Items, SamplesDoNotDependOnTheBatch) {
  RunConfig config;
  config.data.flip = config.data.dequantise = true;
  config.net.classes = 10;
  config.net.label_dropout = 0.5;
  const Dataset data = load_dataset("digits");
  ItemSource source(data, config, split_items(data.count, 50)), again(data, config, split_items(data.count, 50));
  const auto start = static_cast<std::uint64_t>(source.training_count()) - 8;  // across two epochs
  const ItemBatch whole = source.training(start, 16);
  for (int k = 15; k >= 0; --k) {
    const ItemBatch one = again.training(start + static_cast<std::uint64_t>(k), 1);
    EXPECT_TRUE(one.x0[0].equal(whole.x0[k])) << k;
    EXPECT_EQ(one.class_labels[0].item<long>(), whole.class_labels[k].item<long>()) << k;
  }
  EXPECT_LE(whole.x0.max().item<float>(), 1);
  EXPECT_GE(whole.x0.min().item<float>(), -1);
  EXPECT_LT(whole.class_labels.min().item<long>(), 0);
}

TEST(Items, ASplitIsAPartition) {
  const ItemSplit split = split_items(1000, 300);
  EXPECT_EQ(split.validation.size(), 50u);  // a twentieth
  std::vector<int> seen(1000);
  for (const auto* part : {&split.training, &split.validation})
    for (std::uint32_t item : *part) ++seen[item];
  EXPECT_EQ(seen, std::vector<int>(1000, 1));
}

}  // namespace
}  // namespace scoresde
