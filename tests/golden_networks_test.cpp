#include <gtest/gtest.h>

#include <map>

#include "core/catalog.h"
#include "core/text.h"
#include "golden.h"
#include "net/net_config.h"
#include "net/presets.h"
#include "train/config.h"

// Names, shapes, order and counts of parameters for every configuration of the reference.
namespace scoresde {
namespace {

struct BuiltPreset {
  NetConfig config;
  Graph graph;
};

BuiltPreset build_preset(const Preset& preset) {
  const Json settings = preset_settings(preset);
  BuiltPreset result;
  update(result.config, settings["net"]);
  const int size = settings.contains("data") ? settings["data"].value("resize", 32) : 32;
  result.graph = build_net(result.config, {3, size, size, true});
  return result;
}

const Preset& preset_of(const std::string& reference) {
  for (const Preset& preset : presets())
    if (preset.reference == reference) return preset;
  throw std::runtime_error("no preset is " + reference);
}

TEST(NetworksGolden, EveryConfigurationHasTheReferencesParameterCount) {
  const Json golden = test::golden_json("param_counts.json");
  int compared = 0, without_count = 0;
  for (const auto& [file, entry] : golden.items()) {
    const std::string reference = file.substr(8, file.size() - 11);  // configs/ ... .py
    const BuiltPreset built = build_preset(preset_of(reference));
    std::int64_t trainable = 0;
    for (const Parameter& parameter : built.graph.parameters)
      if (parameter.trainable) trainable += element_count(parameter.shape);
    if (entry.contains("error")) {  // the reference cannot build it
      EXPECT_GT(trainable, 1000000) << file;
      ++without_count;
      continue;
    }
    EXPECT_EQ(built.graph.parameter_count(), entry["params"].get<std::int64_t>()) << file;
    EXPECT_EQ(trainable, entry["trainable"].get<std::int64_t>()) << file;
    EXPECT_EQ(built.graph.parameters.size(), entry["n_tensors"].get<std::size_t>() - entry["buffers"].size()) << file;
    ++compared;
  }
  EXPECT_EQ(compared, 27);
  EXPECT_EQ(without_count, 12);
}

// Every parameter belongs to one node, and every node's value is read.
TEST(Presets, NoParameterAndNoNodeIsLeftOver) {
  for (const Preset& preset : presets()) {
    NetConfig config;
    update(config, preset_settings(preset)["net"]);
    const bool table = config.name == "mlp";
    const ItemShape shape = table ? ItemShape{2, 1, 1, false} : ItemShape{3, 128, 128, true};
    if (config.classes == 0 && (config.name == "classifier" || config.name == "wide-resnet")) config.classes = 3;
    const Graph graph = build_net(config, shape);
    std::vector<int> owners(graph.parameters.size()), readers(graph.nodes.size());
    ++readers.back();
    for (const Node& node : graph.nodes) {
      for (const int parameter : node.parameters) ++owners[static_cast<std::size_t>(parameter)];
      for (const int input : node.inputs) ++readers[static_cast<std::size_t>(input)];
    }
    for (std::size_t k = 0; k < owners.size(); ++k)
      EXPECT_EQ(owners[k], 1) << preset.name << ": " << graph.parameters[k].name;
    for (std::size_t k = 0; k < readers.size(); ++k)
      EXPECT_GE(readers[k], 1) << preset.name << ": " << graph.nodes[k].name;
  }
}

TEST(Presets, EveryOneIsAConfigurationThatFitsTogether) {
  for (const Preset& preset : presets()) {
    SCOPED_TRACE(std::string(preset.name));
    RunConfig config;
    update(config, preset_settings(preset));
    if (config.sde.name == "ve" && config.sde.sigma_max == 0) config.sde.sigma_max = 50;  // measured on the data
    EXPECT_NO_THROW(make_sde(config.sde));
    find_entry("objective", objectives(), config.objective.name);
    if (preset.reference.empty()) continue;
    const bool ve = preset.reference.starts_with("ve/"), levels = config.objective.name == "smld";
    EXPECT_EQ(config.sde.name, ve ? "ve" : preset.reference.starts_with("vp/") ? "vp" : "sub-vp");
    EXPECT_EQ(config.net.prediction, levels                            ? "song-level"
                                     : ve                              ? "song-score"
                                     : config.objective.name == "ddpm" ? "ddpm"
                                                                       : "song-noise");
    EXPECT_EQ(preset.reference.find("continuous") != std::string::npos, config.objective.name == "dsm");
    EXPECT_EQ(config.optimizer.beta2, 0.999);
    if (!levels) continue;
    EXPECT_EQ(config.objective.levels, config.net.levels);
    EXPECT_EQ(config.sde.sigma_max, 2 * config.net.sigma_max);
    EXPECT_EQ(config.sde.sigma_min, 2 * config.net.sigma_min);
  }
}

TEST(NetworksGolden, TheDocsListEveryConfigurationWithItsParameters) {
  const std::string page = read_text(std::string(SCORESDE_SOURCE_DIR) + "/docs/networks.md");
  int found = 0;
  for (const Preset& preset : presets()) {
    if (preset.reference.empty()) continue;
    const std::string row = fmt::format("| `{}` | {} | {} |", preset.name, preset.reference,
                                        grouped(build_preset(preset).graph.parameter_count()));
    EXPECT_NE(page.find(row), std::string::npos) << row;
    ++found;
  }
  EXPECT_EQ(found, 39);
}

// behaviour_probe.json: NCSNv2 for CIFAR-10 with the reference's three faults mended.
TEST(NetworksGolden, Ncsnv2HasItsParameterCount) {
  EXPECT_EQ(build_preset(preset_of("ve/ncsnv2/cifar10")).graph.parameter_count(), 29694083);
}

TEST(NetworksGolden, NamesShapesAndOrderAreThoseOfTheStateDict) {
  const Json golden = test::golden_json("state_dicts.json");
  std::size_t compared = 0;
  for (const auto& [reference, entry] : golden.items()) {
    const Graph graph = build_preset(preset_of(reference)).graph;
    std::vector<std::string> frozen;
    std::size_t k = 0;
    for (const Json& tensor : entry["entries"]) {
      const std::string name = tensor[0].get<std::string>().substr(7);  // module.
      if (name == "sigmas") continue;
      ASSERT_LT(k, graph.parameters.size()) << reference;
      const Parameter& parameter = graph.parameters[k++];
      EXPECT_EQ(parameter.name, name) << reference;
      EXPECT_EQ(parameter.shape, tensor[1].get<std::vector<std::int64_t>>()) << reference << " " << name;
      if (!parameter.trainable) frozen.push_back("module." + name);
      ++compared;
    }
    EXPECT_EQ(k, graph.parameters.size()) << reference;
    EXPECT_EQ(frozen, entry["not_in_ema"].get<std::vector<std::string>>()) << reference;
    EXPECT_EQ(graph.parameters.size() - frozen.size(), entry["ema_len"].get<std::size_t>()) << reference;
  }
  EXPECT_EQ(golden.size(), 6u);
  EXPECT_EQ(compared, 570u + 571 + 564 + 308 + 645 + 553);
}

struct OptionCase {
  const char *progressive, *progressive_input, *combine;
  bool fir, conditional;
  std::int64_t parameters;
};

// behaviour_probe.json: the combinations that the reference runs, at tiny width.
TEST(NetworksGolden, OptionsHaveTheReferencesParameterCount) {
  const OptionCase cases[] = {{"none", "none", "sum", true, true, 48539},
                              {"none", "none", "sum", false, true, 48539},
                              {"none", "input_skip", "sum", true, true, 48571},
                              {"none", "input_skip", "cat", true, true, 50891},
                              {"none", "input_skip", "sum", false, true, 48571},
                              {"none", "input_skip", "cat", false, true, 50891},
                              {"none", "residual", "sum", true, true, 48763},
                              {"none", "residual", "sum", false, true, 48763},
                              {"output_skip", "none", "sum", true, true, 49006},
                              {"output_skip", "input_skip", "sum", true, true, 49038},
                              {"output_skip", "input_skip", "cat", true, true, 51358},
                              {"output_skip", "residual", "sum", true, true, 49230},
                              // The reference's unconditional network keeps its Dense layers (32 -> C, 10 of them) and
                              // never uses them, and its Fourier frequencies; here they do not exist.
                              {"none", "residual", "sum", true, false, 47163 - 8 - (4 * 8 + 6 * 16) * 33}};
  for (const OptionCase& c : cases) {
    NetConfig config;
    config.name = "ncsnpp";
    config.channels = 8;
    config.channel_mult = {1, 2};
    config.attention = {4};
    config.progressive = c.progressive;
    config.progressive_input = c.progressive_input;
    config.combine = c.combine;
    config.fir = c.fir;
    config.conditional = c.conditional;
    EXPECT_EQ(build_net(config, {3, 8, 8, true}).parameter_count(), c.parameters)
        << c.progressive << " " << c.progressive_input << " " << c.combine;
  }
}

}  // namespace
}  // namespace scoresde
