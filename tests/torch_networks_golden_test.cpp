#include <ATen/ops/empty.h>
#include <gtest/gtest.h>

#include <cmath>

#include "golden.h"
#include "net/net_config.h"
#include "net/song_modules.h"
#include "nn/network.h"

// Whole networks, single blocks and resampling against score_sde_pytorch in double.
namespace scoresde {
namespace {

at::Tensor tensor_of(std::vector<std::int64_t> shape, const std::vector<double>& values) {
  return from_tensor(Tensor::of(std::move(shape), std::span<const double>(values)), at::kDouble);
}

template <class Value>
at::Tensor filled(const std::vector<std::int64_t>& shape, const Value& value) {
  std::vector<double> values(static_cast<std::size_t>(element_count(shape)));
  for (std::size_t j = 0; j < values.size(); ++j) values[j] = value(static_cast<double>(j));
  return tensor_of(shape, values);
}

at::Tensor golden_tensor(const Json& json) {
  std::vector<std::int64_t> shape;
  for (const Json* part = &json; part->is_array(); part = &part->front())
    shape.push_back(static_cast<std::int64_t>(part->size()));
  std::vector<double> values;
  test::append_numbers(json, values);
  return tensor_of(shape, values);
}

void expect_output(const at::Tensor& ours, const Json& golden, const std::string& what) {
  const at::Tensor theirs = golden_tensor(golden);
  ASSERT_EQ(ours.sizes(), theirs.sizes()) << what;
  EXPECT_LE((ours - theirs).abs().max().item<double>(), 1e-10 * theirs.abs().max().item<double>()) << what;
}

// The rule of golden/README.md: by place in the state_dict.
std::vector<at::Tensor> rule_parameters(const Graph& graph) {
  std::vector<at::Tensor> result;
  for (std::size_t k = 0; k < graph.parameters.size(); ++k) {
    const Parameter& parameter = graph.parameters[k];
    const bool norm_weight = parameter.name.ends_with("weight") && parameter.shape.size() == 1;
    const bool frequencies = parameter.name.ends_with(".W") && parameter.shape.size() == 1;
    result.push_back(filled(parameter.shape, [&](double j) {
      const double s = std::sin(0.37 * j + 0.9 * static_cast<double>(k) + 0.2);
      return norm_weight ? 1 + 0.1 * s : frequencies ? 1.5 * s : 0.15 * s;
    }));
  }
  return result;
}

void expect_state_dict(const Graph& graph, const Json& golden, const std::string& prefix) {
  ASSERT_EQ(graph.parameters.size(), golden.size());
  for (std::size_t k = 0; k < golden.size(); ++k) {
    EXPECT_EQ(graph.parameters[k].name, prefix + golden[k][0].get<std::string>());
    EXPECT_EQ(graph.parameters[k].shape, golden[k][1].get<std::vector<std::int64_t>>()) << graph.parameters[k].name;
  }
}

NetConfig tiny_config(const Json& net) {
  NetConfig config;
  config.name = net["tag"].get<std::string>().starts_with("ddpm VP") ? "ddpm" : "ncsnpp";
  const bool ve = net["base_config"].get<std::string>().starts_with("configs.ve");
  config.prediction = ve ? "song-score" : "song-noise";
  config.embedding = ve ? "fourier" : "positional";
  config.progressive_input = ve ? "residual" : "none";
  config.scale_by_sigma = config.fir = ve;
  const Json& changes = net["changes"];
  config.channels = changes["model__nf"];
  config.channel_mult = changes["model__ch_mult"].get<std::vector<int>>();
  config.blocks = changes["model__num_res_blocks"];
  config.attention = changes["model__attn_resolutions"].get<std::vector<int>>();
  config.progressive = changes.value("model__progressive", config.progressive);
  config.progressive_input = changes.value("model__progressive_input", config.progressive_input);
  config.fir = changes.value("model__fir", config.fir);
  config.skip_rescale = changes.value("model__skip_rescale", config.skip_rescale);
  config.scale_by_sigma = changes.value("model__scale_by_sigma", config.scale_by_sigma);
  return config;
}

TEST(NetworksGolden, TinyNetworksGiveTheReferencesOutput) {
  const Json golden = test::golden_json("networks_f64.json");
  int compared = 0;
  for (const Json& net : golden["nets"]) {
    const Graph graph = build_net(tiny_config(net), {3, 8, 8, true});
    expect_state_dict(graph, net["state_dict"], "");
    EXPECT_EQ(graph.parameter_count(), net["params"].get<std::int64_t>());
    at::Tensor x = filled({2, 3, 8, 8}, [](double j) { return 0.5 + 0.4 * std::cos(0.3 + 1.7 * j); });
    if (!net["centered"].get<bool>()) x = 2 * x - 1;
    const at::Tensor label = golden_tensor(net["labels"]);
    expect_output(evaluate(graph, rule_parameters(graph), x, label, {}, {}), net["out"], net["tag"]);
    ++compared;
  }
  EXPECT_EQ(compared, 5);
}

struct BlockCase {
  const char* name;
  std::int64_t in;
  void (*write)(SongModules&, int x);
  void (*set)(NetConfig&);
  int most_groups = 0;
};

constexpr BlockCase block_cases[] = {
    {"AttnBlockpp(8,skip_rescale=True)", 8, [](SongModules& m, int x) { m.attention(x); }, [](NetConfig&) {}},
    {"ResnetBlockDDPMpp(8->16)", 8, [](SongModules& m, int x) { m.block(x, 16); },
     [](NetConfig& c) { c.resblock = "ddpm"; }},
    {"ResnetBlockBigGANpp(8->16,down,fir)", 8, [](SongModules& m, int x) { m.block(x, 16, Resample::down); },
     [](NetConfig&) {}},
    {"ResnetBlockBigGANpp(8->8,up,fir)", 8, [](SongModules& m, int x) { m.block(x, 8, Resample::up); },
     [](NetConfig&) {}},
    {"ResnetBlockBigGANpp(8->8,up,no fir)", 8, [](SongModules& m, int x) { m.block(x, 8, Resample::up); },
     [](NetConfig& c) { c.fir = false; }},
    {"AttnBlock(32)", 32, [](SongModules& m, int x) { m.attention(x); }, [](NetConfig& c) { c.name = "ddpm"; }, 32},
    {"ResnetBlockDDPM(32->64)", 32, [](SongModules& m, int x) { m.block(x, 64); },
     [](NetConfig& c) { c.name = "ddpm"; }, 32},
};

// The time embedding comes in as the rows of a table of classes; the table is no part of the block.
TEST(NetworksGolden, SingleBlocksGiveTheReferencesOutput) {
  const Json golden = test::golden_json("networks_f64.json");
  const Json& values = golden["blocks"]["values"];
  EXPECT_EQ(values.size(), std::size(block_cases));
  for (const BlockCase& block : block_cases) {
    NetConfig config;
    config.name = "ncsnpp";
    block.set(config);
    GraphBuilder b({block.in, 4, 4}, 2);
    SongModules modules(b, config, block.most_groups, config.init_scale);
    modules.use_time(b.silu(b.embedding("time", b.class_label(), 16)));
    block.write(modules, b.input());
    Graph graph = std::move(b).finish();
    Graph inner = graph;
    inner.parameters.erase(inner.parameters.begin());
    expect_state_dict(inner, values[block.name]["state_dict"], "all_modules.0.");
    std::vector<at::Tensor> parameters = rule_parameters(inner);
    parameters.insert(parameters.begin(), filled({3, 16}, [](double j) { return std::cos(0.7 + 1.7 * j); }));
    const at::Tensor x = filled({2, block.in, 4, 4}, [](double j) { return std::cos(0.3 + 1.7 * j); });
    at::Tensor rows = at::empty({2}, at::TensorOptions(at::kLong));
    rows.data_ptr<std::int64_t>()[0] = 0;
    rows.data_ptr<std::int64_t>()[1] = 1;
    expect_output(evaluate(graph, parameters, x, filled({2}, [](double) { return 0.0; }), rows, {}),
                  values[block.name]["out"], block.name);
  }
}

struct ResampleCase {
  const char* name;
  bool fir, conv;
  Resample resample;
  std::vector<double> taps = {1, 3, 3, 1};
  std::vector<double> bias = {0, 0, 0};
};

TEST(NetworksGolden, ResamplingIsTheReferences) {
  const Json golden = test::golden_json("resample_f64.json");
  const at::Tensor x = golden_tensor(golden["x"]);
  const ResampleCase cases[] = {
      {"downsample_2d", true, false, Resample::down},
      {"upsample_2d", true, false, Resample::up},
      {"downsample_2d_k11", true, false, Resample::down, {1, 1}},
      {"upsample_2d_k11", true, false, Resample::up, {1, 1}},
      {"naive_downsample_2d", false, false, Resample::down},
      {"naive_upsample_2d", false, false, Resample::up},
      {"conv_downsample_2d", true, true, Resample::down},
      {"Conv2d_down_with_bias", true, true, Resample::down, {1, 3, 3, 1}, {0.1, 0.2, 0.3}},
      {"ddpm_downsample_conv(pad 0,1,0,1; stride 2)", false, true, Resample::down, {1, 3, 3, 1}, {0.1, 0.2, 0.3}},
  };
  for (const ResampleCase& c : cases) {
    NetConfig config;
    config.name = "ncsnpp";
    config.fir = c.fir;
    config.fir_kernel = c.taps;
    GraphBuilder b({2, 4, 4});
    SongModules modules(b, config, 0, 0);
    if (c.conv)
      modules.conv_resample(b.input(), 3, c.resample);
    else
      modules.plain_resample(b.input(), c.resample);
    const Graph graph = std::move(b).finish();
    std::vector<at::Tensor> parameters;
    if (c.conv)
      parameters = {filled({3, 2, 3, 3}, [](double j) { return 0.1 * std::sin(0.5 + 0.3 * j); }),
                    tensor_of({3}, c.bias)};
    ASSERT_TRUE(golden.contains(c.name)) << c.name;
    expect_output(evaluate(graph, parameters, x, filled({1}, [](double) { return 0.0; }), {}, {}), golden[c.name],
                  c.name);
  }
}

// The reference cannot run its filtered up-convolution. What it should be: the full convolution of the image, zeros put
// in, with the composition of filter and weight, cut to twice the size. Checked on an impulse, where the result is the
// composed kernel itself: weight (turned around, because networks correlate) convolved with the filter.
TEST(NetworksGolden, TheFilteredUpConvolutionIsItsComposedKernel) {
  NetConfig config;
  config.name = "ncsnpp";
  GraphBuilder b({1, 6, 6});
  SongModules modules(b, config, 0, 0);
  modules.conv_resample(b.input(), 1, Resample::up);
  const Graph graph = std::move(b).finish();
  const at::Tensor weight = filled({1, 1, 3, 3}, [](double j) { return 0.3 + 0.2 * j; });
  std::vector<double> impulse(36, 0.0);
  impulse[2 * 6 + 3] = 1;
  const std::vector<at::Tensor> parameters = {weight, tensor_of({1}, {0})};
  const at::Tensor y = evaluate(graph, parameters, tensor_of({1, 1, 6, 6}, impulse), tensor_of({1}, {0}), {}, {});
  ASSERT_EQ(y.sizes(), (std::vector<std::int64_t>{1, 1, 12, 12}));
  const double taps[] = {0.25, 0.75, 0.75, 0.25};
  for (int i = 0; i < 12; ++i)
    for (int j = 0; j < 12; ++j) {
      double wanted = 0;
      for (int u = 0; u < 3; ++u)
        for (int v = 0; v < 3; ++v) {
          // The filter alone puts the impulse at pixel n to places 2 n - 1 .. 2 n + 2.
          const int row = i + u - 1 - (2 * 2 - 1), column = j + v - 1 - (2 * 3 - 1);
          if (row >= 0 && row < 4 && column >= 0 && column < 4)
            wanted += (0.3 + 0.2 * (3 * u + v)) * taps[row] * taps[column];
        }
      EXPECT_NEAR(y[0][0][i][j].item<double>(), wanted, 1e-14) << i << ", " << j;
    }
}

}  // namespace
}  // namespace scoresde
