#include <ATen/ops/empty.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>
#include <set>

#include "core/catalog.h"
#include "net/preconditioning.h"
#include "net/presets.h"
#include "nn/network.h"
#include "nn/test_support.h"

// Every option of the paper's networks at tiny width: all run, every parameter has a gradient, and the gradients are
// difference quotients.
namespace scoresde {
namespace {

using testing_support::noise;
using testing_support::stir;

// What L does not depend on: a bias of k shifts every score of a pixel alike.
bool without_gradient(const std::string& parameter) {
  return parameter.ends_with(".NIN_1.b") || parameter.ends_with(".k.bias");
}

at::Tensor some_labels(const NetConfig& config) {
  const LabelKind kind = find_entry("prediction", predictions(), config.prediction).label;
  at::Tensor label = at::empty({2}, at::TensorOptions(at::kDouble));
  const double scale = kind == LabelKind::step ? 400 : 1;
  label.data_ptr<double>()[0] = 0.3 * scale;
  label.data_ptr<double>()[1] = 0.8 * scale;
  return label;
}

// L = sum(w y): its derivative along one random direction of x, label and all parameters at once.
void check_net(const NetConfig& config, const ItemShape& shape, const std::string& what) {
  SCOPED_TRACE(what);
  Network network(build_net(config, shape), 1, at::kDouble);
  stir(network);
  std::vector<std::int64_t> rows = network.graph().input_shape;
  rows.insert(rows.begin(), 2);
  at::Tensor x = noise(rows, 1).set_requires_grad(true), classes;
  const at::Tensor label = some_labels(config);
  if (network.graph().classes > 0) {
    classes = at::empty({2}, at::TensorOptions(at::kLong));
    classes.data_ptr<std::int64_t>()[0] = 1;
    classes.data_ptr<std::int64_t>()[1] = -1;
  }
  const std::vector<std::uint64_t> samples = {3, 4};
  const auto loss = [&] {
    const at::Tensor y = network.forward(x, label, classes, {.training = true, .samples = samples});
    return (y * noise(y.sizes().vec(), 3)).sum();
  };
  loss().backward();
  std::vector<at::Tensor> leaves = {x};
  for (std::size_t i = 0; i < network.parameters().size(); ++i) {
    const Parameter& parameter = network.graph().parameters[i];
    if (!parameter.trainable) continue;
    const at::Tensor& grad = network.parameters()[i].grad();
    ASSERT_TRUE(grad.defined()) << parameter.name;
    if (!without_gradient(parameter.name)) {
      EXPECT_GT(grad.abs().max().item<double>(), 1e-9) << parameter.name;
    }
    leaves.push_back(network.parameters()[i]);
  }
  const at::NoGradGuard no_grad;
  double exact = 0, length = 0;
  std::vector<at::Tensor> directions, kept;
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    directions.push_back(noise(leaves[i].sizes().vec(), 500 + i));
    kept.push_back(leaves[i].clone());
    exact += (leaves[i].grad() * directions[i]).sum().item<double>();
    length += static_cast<double>(leaves[i].numel());
  }
  // Along a direction of length 1: a longer one would cross the kinks of ReLU and of maxima.
  length = std::sqrt(length);
  exact /= length;
  double size = 1;
  const auto at_offset = [&](double h) {
    for (std::size_t i = 0; i < leaves.size(); ++i) leaves[i].copy_(kept[i] + h / length * directions[i]);
    const double value = loss().item<double>();
    size = std::max(size, std::abs(value));
    return value;
  };
  constexpr double h = 1e-6;
  const double numeric = (at_offset(h) - at_offset(-h)) / (2 * h);
  EXPECT_NEAR(exact, numeric, 1e-6 * size);
}

NetConfig tiny(const char* name) {
  NetConfig config;
  config.name = name;
  config.prediction = "song-score";
  config.channels = config.name == "ddpm" ? 36 : 4;  // ddpm: 18 groups of 2
  config.channel_mult = {1, 2};
  config.attention = {4};
  config.dropout = 0.1;
  config.levels = 4;
  return config;
}

TEST(NetworksGradient, EveryCombinationOfNcsnppsPyramidsBlocksAndFilters) {
  int count = 0;
  for (const char* progressive : {"none", "output_skip", "residual"})
    for (const char* input : {"none", "input_skip", "residual"})
      for (const char* combine : {"sum", "cat"})
        for (const char* resblock : {"biggan", "ddpm"})
          for (const bool fir : {true, false}) {
            if (std::string(combine) == "cat" && std::string(input) != "input_skip") continue;
            NetConfig config = tiny("ncsnpp");
            config.progressive = progressive;
            config.progressive_input = input;
            config.combine = combine;
            config.resblock = resblock;
            config.fir = fir;
            config.resample_conv = count % 3 != 0;
            config.skip_rescale = count % 2 == 0;
            config.scale_by_sigma = count % 5 != 0;
            check_net(config, {2, 8, 8, true},
                      fmt::format("{} {} {} {} {}", progressive, input, combine, resblock, fir));
            ++count;
          }
  EXPECT_EQ(count, 48);
}

TEST(NetworksGradient, EveryOtherOption) {
  const ItemShape image{2, 8, 8, true};
  for (const char* name : {"ncsnpp", "ddpm"}) {
    for (const char* nonlinearity : {"swish", "elu", "relu", "lrelu"}) {
      NetConfig config = tiny(name);
      config.nonlinearity = nonlinearity;
      check_net(config, image, fmt::format("{} {}", name, nonlinearity));
    }
    for (const PredictionEntry& prediction : predictions())
      for (const char* embedding : {"fourier", "positional"}) {
        NetConfig config = tiny(name);
        config.prediction = prediction.name;
        config.embedding = embedding;
        config.scale_by_sigma = prediction.label != LabelKind::step;
        config.classes = 3;
        if (config.name == "ddpm" && prediction.label == LabelKind::log_snr && prediction.name != "edm") continue;
        check_net(config, image, fmt::format("{} {} {}", name, prediction.name, embedding));
      }
    NetConfig config = tiny(name);
    config.conditional = false;
    check_net(config, image, fmt::format("{} unconditional", name));
    config = tiny(name);
    config.heads = 2;
    config.blocks = 2;
    config.init_scale = 0.5;
    config.resample_conv = false;
    config.attention_layout = "block";
    check_net(config, {3, 8, 12, true}, fmt::format("{} in blocks", name));
  }
}

TEST(NetworksGradient, EveryFormOfTheRefineNets) {
  for (const char* name : {"ncsn", "ncsnv2"})
    for (const char* prediction : {"song-level", "song-score", "edm"})
      for (const bool jax : {false, true}) {
        NetConfig config = tiny(name);
        config.prediction = prediction;
        config.nonlinearity = "elu";
        config.scale_by_sigma = config.name == "ncsnv2";
        config.jax_layers = jax;
        check_net(config, {2, 8, 12, true}, fmt::format("{} {} {}", name, prediction, jax));
      }
  NetConfig config = tiny("ncsnv2");
  config.channels = 2;
  check_net(config, {1, 96, 8, true}, "ncsnv2 to 128 pixels");
  check_net(config, {1, 160, 8, true}, "ncsnv2 to 256 pixels");
}

TEST(NetworksGradient, EveryFormOfTheProjectsOwnNets) {
  int count = 0;
  for (const char* name : {"unet", "classifier", "energy", "wide-resnet", "mlp"})
    for (const char* embedding : {"fourier", "positional"})
      for (const bool scale_shift : {false, true})
        for (const int classes : {0, 3}) {
          NetConfig config = tiny(name);
          config.channels = 8;
          config.prediction = "edm";
          config.embedding = embedding;
          config.scale_shift_norm = scale_shift;
          const bool logits = config.name == "classifier" || config.name == "wide-resnet";
          config.classes = logits ? 3 : classes;
          config.heads = 1 + count % 2;
          config.patch = 1 + count % 2;
          config.blocks = 1 + count % 2;
          const ItemShape shape = config.name == "mlp" ? ItemShape{3, 1, 1, false} : ItemShape{2, 8, 10, true};
          check_net(config, shape, fmt::format("{} {} {} {}", name, embedding, scale_shift, classes));
          ++count;
        }
  EXPECT_EQ(count, 40);
}

// All presets, those of the paper at most four levels deep with two blocks a level; 16 pixels. Presets that differ
// elsewhere alone (SDE, objective, width, data) come to the same network, which is checked once.
TEST(NetworksGradient, EveryPresetsStructure) {
  std::set<std::string> seen;
  std::size_t visited = 0;
  for (const Preset& preset : presets()) {
    ++visited;
    NetConfig config;
    update(config, preset_settings(preset)["net"]);
    const bool table = config.name == "mlp";
    config.channels = config.name == "ddpm" ? 36 : 4;
    config.blocks = std::min(config.blocks, 2);
    config.depth = std::min(config.depth, 2);
    if (config.channel_mult.size() > 4) config.channel_mult = {1, 1, 2, config.channel_mult.back()};
    config.attention = {4};
    config.levels = 4;
    if (config.name == "classifier" || config.name == "wide-resnet") config.classes = 3;
    if (!seen.insert(shown(to_json(config))).second) continue;
    check_net(config, table ? ItemShape{2, 1, 1, false} : ItemShape{2, 16, 16, true}, std::string(preset.name));
  }
  EXPECT_EQ(visited, presets().size());
  EXPECT_GE(seen.size(), 18u);
}

}  // namespace
}  // namespace scoresde
