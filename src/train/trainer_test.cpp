#include "train/trainer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <sstream>

#include "nn/threads.h"
#include "train/checkpoint_digest.h"
#include "train/journal.h"
#include "train/learn.h"
#include "train/run_folder.h"

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
  const auto digest = [&](const char* run) {  // the stop is a validation more
    return checkpoint_digest(folder_ / run, {"seconds", "best_step", "best_validation"});
  };
  EXPECT_EQ(digest("whole"), digest("parts"));
  const auto losses = [](const std::vector<Json>& lines) {
    std::vector<Json> result;
    for (const Json& line : lines)
      if (line.contains("loss")) result.push_back({line["step"], line["loss"], line["grad_norm"]});
    return result;
  };
  EXPECT_EQ(losses(metrics("whole")), losses(metrics("parts")));
}

// Chains are the one thing that training carries beside weights and moments.
TEST_F(TrainerTest, PersistentChainsSurviveAStop) {
  RunConfig config = toy_config(64 * 40);
  config.objective.name = "pcd";
  config.objective.chains = 200;
  config.objective.langevin_steps = 2;
  config.objective.restart = 0.3;
  EXPECT_THROW(train(config, "no-energy"), Error);
  config.net.name = "energy";
  train(config, "whole");
  std::atomic<bool> stop = false;
  train(config, "parts", false, [&](TrainOptions& options) {
    options.stop = &stop;
    options.on_progress = [&](const TrainStatus& status) { stop = status.step == 13; };
  });
  train(config, "parts", true);
  EXPECT_EQ(checkpoint_digest(folder_ / "whole", {"seconds", "best_step", "best_validation"}),
            checkpoint_digest(folder_ / "parts", {"seconds", "best_step", "best_validation"}));
}

TEST_F(TrainerTest, EveryObjectiveTrainsAndValidates) {
  for (const ObjectiveEntry& entry : objectives()) {
    RunConfig config = toy_config(64 * 4);
    config.objective.name = entry.name;
    config.sde.name = entry.name == "smld" ? "ve" : "vp";
    config.net.name = entry.classifies ? "classifier" : entry.energy ? "energy" : "mlp";
    config.validation.items = 20;
    const TrainResult result = train(config, std::string(entry.name));
    EXPECT_EQ(result.outcome, TrainOutcome::done) << entry.name;
    EXPECT_TRUE(std::isfinite(result.validation)) << entry.name;
  }
}

TEST_F(TrainerTest, AccumulationSeesTheSameItemsAsALargerBatch) {
  RunConfig large = toy_config(64 * 20), split = large;
  split.batch = 16;
  split.accumulation = 4;
  large.data_std = split.data_std = 1;
  const Dataset data = load_dataset("moons");
  Training whole(large, data), parts(split, data);
  for (int step = 0; step < 20; ++step) {
    const UpdateReport expected = whole.update(), report = parts.update();
    ASSERT_NEAR(report.loss, expected.loss, 1e-5 * expected.loss) << step;
    // Adam does not see the scale of a gradient; its norm does.
    ASSERT_NEAR(report.grad_norm, expected.grad_norm, 1e-5 * expected.grad_norm) << step;
  }
}

// A folder that was never a run keeps its files, whatever their names.
TEST_F(TrainerTest, ForceLeavesForeignFoldersAlone) {
  write_atomically(folder_ / "own/samples/holiday.png", std::string_view("mine"));
  write_atomically(folder_ / "own/report.html", std::string_view("mine"));
  for (bool resume : {false, true}) {
    try {
      train(toy_config(64), "own", resume, [&](TrainOptions& options) { options.force = !resume; });
      FAIL() << "a foreign folder was taken";
    } catch (const Error& error) {
      EXPECT_EQ(error.failure(), Failure::usage);
      EXPECT_NE(std::string(error.what()).find("is no run folder"), std::string::npos) << error.what();
    }
  }
  EXPECT_EQ(read_text(folder_ / "own/samples/holiday.png"), "mine");
  EXPECT_EQ(read_text(folder_ / "own/report.html"), "mine");
  EXPECT_FALSE(fs::exists(folder_ / "own/.lock"));
}

TEST_F(TrainerTest, AMistypedSettingLeavesNoFolder) {
  for (const char* wrong :
       {"optimizer.name=sgd", "optimizer.clip_rule=nrm", "objective.name=dms", "objective.weighting=x",
        "objective.time_sampling=x", "net.name=mpl", "net.prediction=x", "sde.name=x"}) {
    RunConfig config = toy_config(64);
    set(config, wrong);
    EXPECT_THROW(train(config, "run"), Error) << wrong;
    EXPECT_FALSE(fs::exists(folder_ / "run")) << wrong;
    fs::remove_all(folder_ / "run");
  }
  write_atomically(folder_ / "run/.lock", std::string_view());  // killed before it wrote anything
  EXPECT_EQ(train(toy_config(64), "run").steps, 1);
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

// The first update has rate 0, the second one an infinite rate: step 1 is good, and the weights are lost at step 2.
TEST_F(TrainerTest, WeightsThatAreNotFiniteAreNeverSaved) {
  RunConfig config = toy_config(64 * 100);
  config.optimizer.lr = 1e300;
  config.optimizer.warmup = 1;
  config.checkpoint.every = 64;
  const TrainResult result = train(config, "run");
  EXPECT_EQ(result.outcome, TrainOutcome::numerical_failure);
  EXPECT_NE(result.message.find("parameter "), std::string::npos) << result.message;
  EXPECT_EQ(fs::read_symlink(folder_ / "run/checkpoints/latest"), "step_000000001");
  for (const auto& [name, tensor] : read_model(folder_ / "run").weights)
    for (float value : tensor.f32()) ASSERT_TRUE(std::isfinite(value)) << name;
  config.budget.images = 64 * 2;  // the budget ends with the step that loses them
  const TrainResult short_run = train(config, "short");
  EXPECT_EQ(short_run.outcome, TrainOutcome::numerical_failure);
  EXPECT_NE(short_run.message.find("parameter "), std::string::npos) << short_run.message;
  EXPECT_EQ(fs::read_symlink(folder_ / "short/checkpoints/latest"), "step_000000001");
}

TEST_F(TrainerTest, AdamNeedsAnEpsilon) {
  RunConfig config = toy_config(64);
  EXPECT_THROW(set(config, "optimizer.epsilon=0"), Error);  // 0 / 0 for a weight without a gradient
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

TEST_F(TrainerTest, ForecastsEveryObjective) {
  for (const ObjectiveEntry& entry : objectives()) {
    RunConfig config = toy_config(640);
    config.objective.name = entry.name;
    if (entry.classifies) continue;
    if (entry.energy) config.net.name = "energy";
    config.sde.name = entry.name == "smld" ? "ve" : "vp";
    EXPECT_GT(forecast_run(config, {}).seconds_per_step, 0) << entry.name;
  }
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

TEST_F(TrainerTest, CountersOfACheckpointAreChecked) {
  const RunConfig config = toy_config(64 * 10);
  train(config, "run");
  const fs::path path = folder_ / "run/checkpoints/latest/state.safetensors";
  const Safetensors good = read_safetensors(path);
  RunConfig longer = config;
  longer.budget.images = 64 * 20;
  const auto refused = [&](const std::string& what) {
    try {
      train(longer, "run", true);
      ADD_FAILURE() << what << " was accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.failure(), Failure::data) << error.what();
      EXPECT_NE(std::string(error.what()).find(what), std::string::npos) << error.what();
    }
  };
  const auto rewrite = [&](const char* counter, const Json& value) {
    Safetensors content = good;
    Json counters = Json::parse(content.metadata.at("state"));
    value.is_null() ? void(counters.erase(counter)) : void(counters[counter] = value);
    content.metadata["state"] = counters.dump();
    write_safetensors(path, content);
  };
  for (const char* counter : {"step", "images", "updates", "bad_steps", "bad_in_row", "interval_updates"})
    for (const Json& value : {Json(-5), Json(1e300), Json("x"), Json()}) {
      rewrite(counter, value);
      refused(counter);
    }
  rewrite("images", 641);
  refused("641 items after 10 steps of 64");
  Safetensors bare = good;
  bare.metadata.erase("state");
  write_safetensors(path, bare);
  refused("state");
  write_safetensors(path, good);
  std::string bytes = read_text(path);
  const std::size_t place = bytes.find("images\\\":640");  // JSON within JSON
  ASSERT_NE(place, std::string::npos);
  bytes[place + 11] = '1';
  write_atomically(path, bytes);
  refused("checksum of the header");
  write_safetensors(path, good);
  EXPECT_EQ(train(longer, "run", true).steps, 20);
}

// A path may hold any bytes.
TEST_F(TrainerTest, NamesNeedNotBeUtf8) {
  RunConfig then, now;
  then.data.source = "caf\xe9";
  Json stored = Json::parse(shown(to_json(then)));
  now.data.source = "caf\xe9";
  EXPECT_NO_THROW(require_same_settings(now, stored));
  now.data.source = "th\xe9";
  EXPECT_THROW(require_same_settings(now, stored), Error);
  Journal(folder_, std::nullopt, {}).metrics({{"step", 1}, {"problem", "caf\xe9"}});
  EXPECT_NE(read_text(folder_ / "metrics.jsonl").find("caf"), std::string::npos);
  TrainState state;
  state.config = to_json(then);
  EXPECT_NO_THROW(CheckpointStore(folder_ / "checkpoints").save(state, {}));
}

TEST_F(TrainerTest, AttentionThatNoMapGetsIsSaid) {
  RunConfig config;
  config.data.source = "digits";
  config.net.channels = 8;
  config.net.attention = {16, 4};
  config.batch = 8;
  config.budget.images = 8;
  config.log.samples_every = config.validation.items = 0;
  train(config, "run");
  EXPECT_NE(read_text(folder_ / "run/log.txt").find("net.attention: no map of height 16; there are 8, 4, 2"),
            std::string::npos);
  config.net.attention = {8, 4};
  train(config, "other");
  EXPECT_EQ(read_text(folder_ / "other/log.txt").find("net.attention"), std::string::npos);
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
