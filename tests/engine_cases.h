#pragma once
#include <string_view>
#include <vector>

#include "core/noise.h"
#include "net/test_nets.h"
#include "nn/network.h"
#include "nn/test_support.h"

// What the tests of the engine against LibTorch share.
namespace scoresde {

// A model with weights of size one everywhere, those that training starts at zero included.
inline Model stirred_model(const NetConfig& net, const ItemShape& shape) {
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
inline std::vector<EngineCase> engine_cases() {
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

inline Batch engine_noise(Index rows, Index columns) {
  std::vector<std::uint64_t> ids;
  for (Index i = 0; i < rows; ++i) ids.push_back(static_cast<std::uint64_t>(i));
  return CounterNoise(3, ids, columns).normal(Purpose::test, {1, 0, 0});
}

inline at::Tensor engine_tensor(std::vector<std::int64_t> shape, const std::vector<double>& values) {
  return from_tensor(Tensor::of(std::move(shape), std::span<const double>(values)), at::kDouble);
}

}  // namespace scoresde
