#pragma once
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/config.h"
#include "core/item_shape.h"
#include "net/graph.h"

namespace scoresde {

/// Settings of all networks; each builder reads its own.
struct NetConfig {
  std::string name = "unet";
  std::string prediction = "edm";
  int channels = 32, blocks = 1, heads = 1, patch = 1, depth = 3, classes = 0;
  std::vector<int> channel_mult = {1, 2, 2}, attention = {7};
  std::string embedding = "fourier";
  double fourier_scale = 1, dropout = 0, label_dropout = 0.1;

  static constexpr auto fields() {
    return std::tuple{
        field("name", &NetConfig::name, "which network: see `scoresde list nets`"),
        field("prediction", &NetConfig::prediction,
              "what the network's raw output means: score, noise, denoised, "
              "velocity, edm"),
        field("channels", &NetConfig::channels, "unet: channels at full resolution; mlp: width", {1, 4096}),
        field("blocks", &NetConfig::blocks, "unet: residual blocks a level", {1, 64}),
        field("heads", &NetConfig::heads, "unet: attention heads", {1, 64}),
        field("patch", &NetConfig::patch, "unet: pixels of a p x p patch become channels first", {1, 16}),
        field("depth", &NetConfig::depth, "mlp: hidden layers", {1, 64}),
        field("classes", &NetConfig::classes, "classes the network is conditioned on; 0: none", {0, 1e6}),
        field("channel_mult", &NetConfig::channel_mult, "unet: channels of each level, times `channels`", {1, 1024}),
        field("attention", &NetConfig::attention, "unet: heights (after patching) of the maps that get attention",
              {0, 65536}),
        field("embedding", &NetConfig::embedding, "time embedding: fourier or positional"),
        field("fourier_scale", &NetConfig::fourier_scale, "fourier: standard deviation of the frequencies",
              {1e-6, 1e6}),
        field("dropout", &NetConfig::dropout, "rate inside the residual blocks", {0, 0.99}),
        field("label_dropout", &NetConfig::label_dropout,
              "share of training items whose class is hidden, for classifier-free guidance", {0, 1})};
  }
};

/// A row of the table of networks.
struct NetEntry {
  std::string_view name, summary;
  Graph (*build)(const NetConfig&, const ItemShape&);
};
std::span<const NetEntry> nets();

/// The graph that `config` describes for samples of `shape`. Error{usage} names the setting that does not fit.
Graph build_net(const NetConfig& config, const ItemShape& shape);

}  // namespace scoresde
