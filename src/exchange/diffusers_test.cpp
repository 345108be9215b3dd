#include <gtest/gtest.h>

#include "exchange/export_model.h"

namespace scoresde {
namespace {

ModelSpec diffusers_spec(const Json& net) {
  ModelSpec spec;
  spec.shape = {3, 16, 16, true};
  update(spec.net, net);
  return spec;
}

const Json ho_ddpm = {{"name", "ddpm"},
                      {"prediction", "ddpm"},
                      {"channels", 32},
                      {"channel_mult", {1, 2}},
                      {"blocks", 2},
                      {"attention", {8}},
                      {"embedding", "positional"},
                      {"attention_layout", "block"}};
const Json skip_ncsnpp = {{"name", "ncsnpp"},
                          {"prediction", "song-score"},
                          {"channels", 128},
                          {"channel_mult", {1, 1}},
                          {"blocks", 1},
                          {"attention", {8}},
                          {"embedding", "fourier"},
                          {"progressive_input", "input_skip"},
                          {"progressive", "output_skip"},
                          {"scale_by_sigma", true}};

// Every parameter another stretch of whole numbers.
std::map<std::string, Tensor> counted_weights(const ModelSpec& spec) {
  std::map<std::string, Tensor> weights;
  float next = 0;
  for (const Parameter& parameter : build_net(spec.net, spec.shape).parameters) {
    std::vector<float> values(static_cast<std::size_t>(element_count(parameter.shape)));
    for (float& value : values) value = next = next < 1e7f ? next + 1 : 0;
    weights[parameter.name] = Tensor::of(parameter.shape, values);
  }
  return weights;
}

Safetensors exported_to_diffusers(const ModelSpec& spec, Json& config) {
  const fs::path folder = fs::path(testing::TempDir()) / "scoresde_diffusers_test";
  fs::remove_all(folder);
  export_diffusers(folder, spec, counted_weights(spec));
  config = parse_json(read_text(folder / "config.json"));
  Safetensors content = read_safetensors(folder / "diffusion_pytorch_model.safetensors");
  fs::remove_all(folder);
  return content;
}

TEST(Diffusers, TheDdpmOfHoHasTheirNames) {
  const ModelSpec spec = diffusers_spec(ho_ddpm);
  Json config;
  const Safetensors content = exported_to_diffusers(spec, config);
  const auto ours = counted_weights(spec);
  EXPECT_EQ(content.tensors.size(), ours.size());
  for (const char* name : {"time_embedding.linear_2.bias", "down_blocks.0.downsamplers.0.conv.weight",
                           "down_blocks.1.attentions.1.to_k.weight", "mid_block.attentions.0.group_norm.bias",
                           "up_blocks.0.attentions.2.to_out.0.bias", "up_blocks.0.upsamplers.0.conv.weight",
                           "up_blocks.1.resnets.2.conv_shortcut.weight", "conv_norm_out.weight"})
    EXPECT_TRUE(content.tensors.contains(name)) << name;
  EXPECT_EQ(content.at("up_blocks.1.resnets.0.conv_shortcut.weight").shape, (std::vector<std::int64_t>{32, 96, 1, 1}));
  // Module 7 is the first attention; W (in, out) becomes (out, in).
  const Tensor &w = ours.at("all_modules.7.NIN_0.W"), &q = content.at("down_blocks.1.attentions.0.to_q.weight");
  ASSERT_EQ(w.shape, q.shape);
  for (std::size_t i = 0; i < 64; ++i)
    for (std::size_t j = 0; j < 64; ++j) ASSERT_EQ(q.f32()[i * 64 + j], w.f32()[j * 64 + i]);
  EXPECT_EQ(config["up_block_types"], (Json{"AttnUpBlock2D", "UpBlock2D"}));
  EXPECT_EQ(config["block_out_channels"], (Json{32, 64}));
}

TEST(Diffusers, NcsnppWithPyramidsHasTheirNames) {
  const ModelSpec spec = diffusers_spec(skip_ncsnpp);
  Json config;
  const Safetensors content = exported_to_diffusers(spec, config);
  EXPECT_EQ(content.tensors.size(), counted_weights(spec).size());
  for (const char* name :
       {"time_proj.weight", "down_blocks.0.resnet_down.conv_shortcut.weight", "down_blocks.0.skip_conv.weight",
        "up_blocks.0.skip_norm.bias", "up_blocks.0.resnet_up.conv1.weight", "up_blocks.0.attentions.0.to_v.weight",
        "conv_out.bias"})
    EXPECT_TRUE(content.tensors.contains(name)) << name;
  EXPECT_EQ(config["down_block_types"], (Json{"SkipDownBlock2D", "AttnSkipDownBlock2D"}));
  EXPECT_EQ(config["center_input_sample"], true);
}

TEST(Diffusers, WhatItCannotExpressIsRefusedByName) {
  const auto refusal = [](Json net, const char* setting, const Json& value) {
    net[setting] = value;
    const ModelSpec spec = diffusers_spec(net);
    try {
      export_diffusers(fs::path(testing::TempDir()) / "scoresde_diffusers_refused", spec, {});
    } catch (const Error& error) {
      EXPECT_EQ(error.failure(), Failure::usage);
      return std::string(error.what());
    }
    return std::string();
  };
  for (const auto& [setting, value] : std::vector<std::pair<const char*, Json>>{
           {"attention_layout", "level"}, {"heads", 2}, {"nonlinearity", "elu"}, {"name", "unet"}, {"channels", 24}})
    EXPECT_NE(refusal(ho_ddpm, setting, value).find(setting), std::string::npos) << setting;
  for (const auto& [setting, value] : std::vector<std::pair<const char*, Json>>{
           {"fir", false}, {"progressive", "none"}, {"skip_rescale", false}, {"scale_by_sigma", false}})
    EXPECT_NE(refusal(skip_ncsnpp, setting, value).find(setting), std::string::npos) << setting;
}

}  // namespace
}  // namespace scoresde
