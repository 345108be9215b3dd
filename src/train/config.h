#pragma once
#include <string>

#include "core/config.h"
#include "net/net_config.h"
#include "objective/objective_config.h"
#include "sde/sde.h"

namespace scoresde {

/// What to train on.
struct DataConfig {
  std::string source;
  int resize = 0;
  long long most = 0;
  bool flip = false, dequantise = false;

  static constexpr auto fields() {
    return std::tuple{field("source", &DataConfig::source, "the data: a named set or a path"),
                      field("resize", &DataConfig::resize,
                            "images: crop to a square and resize to this many pixels; 0: as they are", {0, 65536}),
                      field("most", &DataConfig::most, "use at most this many items; 0: all", {0, 4e9}),
                      field("flip", &DataConfig::flip, "images: mirror half of the items, chosen afresh each time"),
                      field("dequantise", &DataConfig::dequantise, "images: add uniform noise within the 8-bit step")};
  }
};

struct OptimizerConfig {
  std::string name = "adam";
  double lr = 1e-3, beta1 = 0.9, beta2 = 0.99, epsilon = 1e-8, weight_decay = 0, clip = 1;
  int warmup = 100;
  double decay = 0;
  std::string clip_rule = "norm";

  static constexpr auto fields() {
    return std::tuple{
        field("name", &OptimizerConfig::name, "adam (weight decay joins the gradient) or adamw (decoupled)"),
        field("lr", &OptimizerConfig::lr, "learning rate after the warm-up", {0, 100}),
        field("beta1", &OptimizerConfig::beta1, "decay of the first moment", {0, 0.999999999}),
        field("beta2", &OptimizerConfig::beta2, "decay of the second moment", {0, 0.999999999}),
        field("epsilon", &OptimizerConfig::epsilon, "added to the root of the second moment", {1e-20, 1}),
        field("weight_decay", &OptimizerConfig::weight_decay, "weight decay", {0, 100}),
        field("clip", &OptimizerConfig::clip, "largest global gradient norm; 0: no clipping", {0, 1e9}),
        field("warmup", &OptimizerConfig::warmup, "updates over which the learning rate rises linearly from 0",
              {0, 1e9}),
        field("decay", &OptimizerConfig::decay,
              "share of the budget, at its end, over which the learning rate falls linearly to 0", {0, 1}),
        field("clip_rule", &OptimizerConfig::clip_rule,
              "norm: g c / max(norm, c), as in JAX; norm+1e-6: g min(1, c / (norm + 1e-6)), as in PyTorch")};
  }
};

struct EmaConfig {
  double rate = 0, half_life = 20000, ramp = 0.05;

  static constexpr auto fields() {
    return std::tuple{
        field("rate", &EmaConfig::rate,
              "decay an update, reached as min(rate, (1 + n) / (10 + n)) at update n; 0: use half_life",
              {0, 0.9999999}),
        field("half_life", &EmaConfig::half_life, "in training images; 0: no averaging", {0, 1e12}),
        field("ramp", &EmaConfig::ramp, "the half-life is at most this share of the images seen; 0: no ramp", {0, 1})};
  }
};

/// Training ends with whichever budget is reached first; 0: no such budget.
struct BudgetConfig {
  double minutes = 0;
  long long images = 0;

  static constexpr auto fields() {
    return std::tuple{
        field("minutes", &BudgetConfig::minutes, "wall time in minutes, resumed parts added up; 0: no limit", {0, 1e7}),
        field("images", &BudgetConfig::images, "training items; 0: no limit", {0, 1e12})};
  }
};

struct ValidationConfig {
  int items = 512;
  long long every = 50000;

  static constexpr auto fields() {
    return std::tuple{
        field("items", &ValidationConfig::items,
              "items kept out of training (at most a twentieth of the data) for the validation loss; 0: none",
              {0, 1e7}),
        field("every", &ValidationConfig::every, "training items between two validations", {1, 1e12})};
  }
};

struct CheckpointConfig {
  long long every = 0;
  double minutes = 1;

  static constexpr auto fields() {
    return std::tuple{
        field("every", &CheckpointConfig::every, "training items between two checkpoints; 0: by time alone", {0, 1e12}),
        field("minutes", &CheckpointConfig::minutes, "wall minutes between two checkpoints; 0: by items alone",
              {0, 1e7})};
  }
};

struct LogConfig {
  long long every = 5000;
  long long samples_every = 100000;

  static constexpr auto fields() {
    return std::tuple{field("every", &LogConfig::every, "training items between two lines of metrics.jsonl", {1, 1e12}),
                      field("samples_every", &LogConfig::samples_every,
                            "training items between two sample grids; 0: none", {0, 1e12})};
  }
};

/// Everything a training run depends on: the content of its config.toml.
struct RunConfig {
  DataConfig data;
  SdeConfig sde;
  NetConfig net;
  ObjectiveConfig objective;
  OptimizerConfig optimizer;
  EmaConfig ema;
  BudgetConfig budget;
  ValidationConfig validation;
  CheckpointConfig checkpoint;
  LogConfig log;
  int batch = 64, accumulation = 1, max_bad_steps = 10;
  long long seed = 0;
  double data_std = 0;
  std::string device = "cpu";
  bool exact = false;

  static constexpr auto fields() {
    return std::tuple{
        field("batch", &RunConfig::batch, "training items a forward pass", {1, 1e6}),
        field("accumulation", &RunConfig::accumulation, "forward passes an update", {1, 1e6}),
        field("seed", &RunConfig::seed, "of weights, data order, noise and everything else that is random", {0, 9e15}),
        field("max_bad_steps", &RunConfig::max_bad_steps,
              "steps in a row with a non-finite loss or gradient after which training stops", {1, 1e9}),
        field("data_std", &RunConfig::data_std, "standard deviation of the data in model units; 0: measured", {0, 1e9}),
        field("device", &RunConfig::device, "cpu, or another device that LibTorch has, such as cuda"),
        field("exact", &RunConfig::exact,
              "true: networks by LibTorch alone; false: by the engine, where it has the derivatives (CPU)"),
        field("data", &RunConfig::data, "the data"),
        field("sde", &RunConfig::sde, "the SDE"),
        field("net", &RunConfig::net, "the network"),
        field("objective", &RunConfig::objective, "the objective"),
        field("optimizer", &RunConfig::optimizer, "the optimiser"),
        field("ema", &RunConfig::ema, "the moving average of the weights, which sampling uses"),
        field("budget", &RunConfig::budget, "when training ends"),
        field("validation", &RunConfig::validation, "the held-out loss"),
        field("checkpoint", &RunConfig::checkpoint, "how often the state is saved"),
        field("log", &RunConfig::log, "how often progress is written down")};
  }
};

}  // namespace scoresde
