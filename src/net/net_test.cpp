#include <gtest/gtest.h>

#include <set>

#include "core/catalog.h"
#include "net/graph_builder.h"
#include "net/net_config.h"
#include "net/test_nets.h"

namespace scoresde {
namespace {

TEST(Nets, EveryNetOfTheTableKeepsItsOrderNamesAndShapes) {
  for (const NetEntry& entry : nets()) {
    const auto [config, shape] = testing_support::small_net(entry.name);
    const Graph graph = build_net(config, shape);
    std::set<std::string> names;
    for (const Parameter& parameter : graph.parameters) EXPECT_TRUE(names.insert(parameter.name).second);
    for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
      for (const int input : graph.nodes[i].inputs) EXPECT_LT(input, static_cast<int>(i)) << graph.nodes[i].name;
      for (const int parameter : graph.nodes[i].parameters)
        EXPECT_LT(parameter, static_cast<int>(graph.parameters.size())) << graph.nodes[i].name;
    }
    EXPECT_EQ(element_count(graph.input_shape), shape.size());
    EXPECT_EQ(graph.gives_score(), !testing_support::gives_logits(entry.name));
    EXPECT_EQ(graph.energy, entry.name == "energy");
    if (!graph.gives_score())
      EXPECT_EQ(graph.output_shape(), std::vector<std::int64_t>{3});
    else if (graph.energy)
      EXPECT_EQ(graph.output_shape(), std::vector<std::int64_t>{1});
    else
      EXPECT_EQ(graph.output_shape(), graph.input_shape);
  }
}

TEST(Nets, ParameterNamesAreTheCheckpointsAndStay) {
  NetConfig config;
  config.channels = 8;
  config.channel_mult = {1, 2};
  config.attention = {4};
  const Graph graph = build_net(config, {1, 8, 8, true});
  std::set<std::string> names;
  for (const Parameter& parameter : graph.parameters) names.insert(parameter.name);
  for (const char* name : {"time.fourier.weight", "time.linear0.weight", "in.weight", "down.0.block.0.conv0.weight",
                           "down.1.attention.0.q.weight", "down.1.block.0.shortcut.bias", "middle.block.1.time.bias",
                           "up.0.block.1.norm0.weight", "out_norm.bias", "out.weight"})
    EXPECT_TRUE(names.contains(name)) << name;
}

TEST(Nets, CountsAreThoseOfTheFormulas) {
  GraphBuilder b({3, 8, 6});
  const int h = b.conv("c", b.input(), 5);
  b.attention(h, h, h);
  b.linear("l", b.global_mean(h), 7);
  const Graph graph = std::move(b).finish();
  EXPECT_EQ(graph.parameter_count(), 5 * 3 * 9 + 5 + 7 * 5 + 7);
  EXPECT_EQ(graph.multiply_adds(), 48 * 5 * 27 + 2 * 5 * 48 * 48 + 7 * 5);
}

TEST(Nets, EverySizeFrom8To256CanBeBuilt) {
  for (int size = 8; size <= 256; size += 1 + size / 16) {
    NetConfig config;
    config.attention = {(size + 3) / 4};
    EXPECT_EQ(build_net(config, {1, size, size, true}).output_shape(), (std::vector<std::int64_t>{1, size, size}));
  }
}

TEST(Nets, GroupNormTakesTheLargestDividingNumberOfGroups) {
  const auto groups = [](std::int64_t channels) {
    GraphBuilder b({channels, 2, 2});
    b.group_norm("n", b.input());
    return std::move(b).finish().nodes.back().groups;
  };
  EXPECT_EQ(groups(1), 1);
  EXPECT_EQ(groups(16), 4);
  EXPECT_EQ(groups(48), 12);
  EXPECT_EQ(groups(7), 1);
  EXPECT_EQ(groups(10), 2);
  EXPECT_EQ(groups(256), 32);
}

std::string error_of(const NetConfig& config, const ItemShape& shape) {
  try {
    build_net(config, shape);
  } catch (const Error& error) {
    EXPECT_EQ(error.failure(), Failure::usage);
    return error.what();
  }
  return "";
}

TEST(Nets, ASettingThatDoesNotFitIsNamed) {
  const ItemShape image{1, 28, 28, true};
  NetConfig config;
  config.patch = 3;
  EXPECT_EQ(error_of(config, image), "net.patch = 3 does not divide a height of 28 and a width of 28");
  config = {};
  config.channel_mult = {1, 1, 1, 1, 1, 1, 1};
  EXPECT_EQ(error_of(config, image), "net.channel_mult has 7 levels; a map of 28 x 28 allows 1 to 6");
  config = {};
  config.embedding = "furier";
  EXPECT_EQ(error_of(config, image), "net.embedding = 'furier' is neither fourier nor positional");
  config = {};
  config.heads = 5;
  EXPECT_EQ(error_of(config, image), "attention: 64 channels cannot be divided among 5 heads (net.heads)");
  config = {};
  config.name = "unte";
  EXPECT_NE(error_of(config, image).find("did you mean 'unet'"), std::string::npos);
  config = {};
  EXPECT_NE(error_of(config, {2, 1, 1, false}).find("use mlp"), std::string::npos);
  config.name = "classifier";
  EXPECT_EQ(error_of(config, image), "net.classes = 0: a classifier tells at least 2 classes apart");
}

TEST(Nets, ContradictionsOfNcsnppAndItsKinAreNamed) {
  const ItemShape image{3, 16, 16, true};
  const auto error_with = [&](const char* name, const auto& change) {
    NetConfig config;
    config.name = name;
    change(config);
    return error_of(config, image);
  };
  EXPECT_EQ(error_with("ncsnpp", [](NetConfig& c) { c.progressive = "skip"; }),
            "net.progressive = 'skip' is none of none, output_skip, residual");
  EXPECT_EQ(error_with("ncsnpp", [](NetConfig& c) { c.resblock = "resnet"; }),
            "net.resblock = 'resnet' is none of biggan, ddpm");
  EXPECT_EQ(error_with("ncsnpp", [](NetConfig& c) { c.nonlinearity = "gelu"; }),
            "net.nonlinearity = 'gelu' is none of swish, elu, relu, lrelu");
  EXPECT_EQ(error_with("ncsnpp", [](NetConfig& c) { c.channel_mult = {1, 1, 1, 1, 1, 1}; }),
            "net.channel_mult has 6 levels: 16 x 16 pixels cannot be halved 5 times");
  EXPECT_EQ(error_with("ddpm", [](NetConfig& c) { c.patch = 2; }), "net.patch = 2: ddpm works on single pixels");
  EXPECT_EQ(error_with("ncsnpp",
                       [](NetConfig& c) {
                         c.fir_kernel = {1, -1};
                       }),
            "net.fir_kernel: the taps of a filter may not add up to 0");
  EXPECT_EQ(error_with("ncsnpp",
                       [](NetConfig& c) {
                         c.conditional = false;
                         c.classes = 3;
                       }),
            "net.conditional is off, so the network cannot be told its class (net.classes = 3)");
  EXPECT_EQ(error_with("ddpm",
                       [](NetConfig& c) {
                         c.prediction = "song-noise";
                         c.scale_by_sigma = true;
                       }),
            "net.scale_by_sigma: the time label of prediction song-noise is a step number and does not tell sigma");
  EXPECT_EQ(error_with("ncsnv2", [](NetConfig& c) { c.classes = 3; }), "net.classes = 3: ncsnv2 takes no class");
  EXPECT_EQ(error_with("ncsn", [](NetConfig& c) { c.sigma_min = 60; }),
            "net.sigma_min = 60 is not below net.sigma_max = 50");
}

TEST(Nets, WideResNetIsZagoruykos) {
  NetConfig config;
  config.name = "wide-resnet";
  config.blocks = 4;
  config.channels = 160;
  config.channel_mult = {1, 2, 4};
  config.classes = 10;
  std::int64_t backbone = 0;
  for (const Parameter& parameter : build_net(config, {3, 32, 32, true}).parameters)
    if (parameter.name.find("time") == std::string::npos) backbone += element_count(parameter.shape);
  // WRN-28-10 has 36,479,194 parameters without biases in its convolutions; here each has one.
  const std::int64_t biases = 16 + 4 * 2 * (160 + 320 + 640) + (160 + 320 + 640);
  EXPECT_EQ(backbone, 36479194 + biases);
}

TEST(GraphBuilder, RefusesShapesThatDoNotFit) {
  GraphBuilder b({4, 7, 7});
  const int down = b.downsample(b.input());
  EXPECT_EQ(b.shape(down), (std::vector<std::int64_t>{4, 4, 4}));
  EXPECT_EQ(b.shape(b.upsample(down, 7, 8)), (std::vector<std::int64_t>{4, 7, 8}));
  EXPECT_THROW(b.upsample(down, 9, 8), Error);
  EXPECT_THROW(b.add(down, b.input()), Error);
  EXPECT_THROW(b.concat(down, b.input()), Error);
  EXPECT_THROW(b.linear("l", down, 3), Error);
  EXPECT_THROW(b.class_label(), Error);
  EXPECT_THROW(b.modulate(down, b.linear("m", b.global_mean(down), 4)), Error);
  b.conv("c", down, 3);
  EXPECT_THROW(b.conv("c", down, 3), Error);
}

}  // namespace
}  // namespace scoresde
