#include <gtest/gtest.h>

#include <set>

#include "core/catalog.h"
#include "net/graph_builder.h"
#include "net/net_config.h"

namespace scoresde {
namespace {

TEST(Nets, EveryNetOfTheTableKeepsItsOrderNamesAndShapes) {
  for (const NetEntry& entry : nets()) {
    NetConfig config;
    config.name = entry.name;
    config.classes = 3;
    config.patch = 2;
    const ItemShape shape = entry.name == "mlp" ? ItemShape{5, 1, 1, false} : ItemShape{3, 28, 28, true};
    const Graph graph = build_net(config, shape);
    std::set<std::string> names;
    for (const Parameter& parameter : graph.parameters) EXPECT_TRUE(names.insert(parameter.name).second);
    for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
      for (const int input : graph.nodes[i].inputs) EXPECT_LT(input, static_cast<int>(i)) << graph.nodes[i].name;
      for (const int parameter : graph.nodes[i].parameters)
        EXPECT_LT(parameter, static_cast<int>(graph.parameters.size())) << graph.nodes[i].name;
    }
    EXPECT_EQ(element_count(graph.input_shape), shape.size());
    if (entry.name == "classifier")
      EXPECT_EQ(graph.output_shape(), std::vector<std::int64_t>{3});
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
  b.conv("c", down, 3);
  EXPECT_THROW(b.conv("c", down, 3), Error);
}

}  // namespace
}  // namespace scoresde
