#include "exchange/refinenet.h"

#include <gtest/gtest.h>

#include "exchange/architecture.h"
#include "exchange/import_model.h"

namespace scoresde {
namespace {

// The arrays of score_sde's NCSNv2 (models/ncsnv2.py and models/layers.py of its JAX version) below 96 pixels, in the
// order of its calls; each holds one number, which is its place.
class JaxNcsnv2 {
 public:
  explicit JaxNcsnv2(std::int64_t n) {
    conv("Conv_0", 3, n, true);
    residual(n, n, false);
    residual(n, n, false);
    for (const bool pooled : {true, false, false}) {
      residual(pooled ? n : 2 * n, 2 * n, true, pooled);
      residual(2 * n, 2 * n, false);
    }
    refine({2 * n}, 2 * n, 1);
    refine({2 * n, 2 * n}, 2 * n, 1);
    refine({2 * n, 2 * n}, 2 * n, 1);
    refine({n, 2 * n}, n, 3);
    norm("InstanceNorm2dPlus_0", n);
    conv("Conv_1", n, 3, true);
  }

  std::vector<NamedArray> arrays_;

 private:
  void array(const std::string& name, std::vector<std::int64_t> shape) {
    arrays_.push_back({name, {Dtype::f32, shape, contiguous_strides(shape), arrays_.size(), {}}});
  }
  void conv(const std::string& name, std::int64_t in, std::int64_t out, bool bias, std::int64_t kernel = 3) {
    array(name + ".kernel", {kernel, kernel, in, out});
    if (bias) array(name + ".bias", {out});
  }
  void norm(const std::string& name, std::int64_t channels) {
    for (const char* part : {".alpha", ".gamma", ".beta"}) array(name + part, {1, 1, 1, channels});
  }
  void residual(std::int64_t in, std::int64_t out, bool down, bool pooled = false) {
    const std::string name = "ResidualBlock_" + std::to_string(residuals_++);
    norm(name + ".InstanceNorm2dPlus_0", in);
    conv(name + ".Conv_0", in, down ? in : out, true);
    norm(name + ".InstanceNorm2dPlus_1", down ? in : out);
    conv(name + (pooled ? ".ConvMeanPool_0.Conv_0" : ".Conv_1"), down ? in : out, out, true);
    if (down) conv(name + (pooled ? ".ConvMeanPool_1.Conv_0" : ".Conv_2"), in, out, true, pooled ? 1 : 3);
  }
  void units(const std::string& name, std::int64_t channels, int blocks) {
    for (int k = 0; k < 2 * blocks; ++k) conv(name + ".Conv_" + std::to_string(k), channels, channels, false);
  }
  void refine(const std::vector<std::int64_t>& ins, std::int64_t out, int last) {
    const std::string name = "RefineBlock_" + std::to_string(refines_++);
    std::size_t k = 0;
    for (; k < ins.size(); ++k) units(name + ".RCUBlock_" + std::to_string(k), ins[k], 2);
    for (std::size_t i = 0; ins.size() > 1 && i < ins.size(); ++i)
      conv(name + ".MSFBlock_0.Conv_" + std::to_string(i), ins[i], out, true);
    for (const char* stage : {".CRPBlock_0.Conv_0", ".CRPBlock_0.Conv_1"}) conv(name + stage, out, out, false);
    units(name + ".RCUBlock_" + std::to_string(k), out, last);
  }

  int residuals_ = 0, refines_ = 0;
};

TEST(RefineNets, FlaxArraysFindTheirParameters) {
  ForeignWeights weights;
  weights.flax = true;
  weights.raw = JaxNcsnv2(4).arrays_;
  const auto facts = read_refinenet(weights);
  ASSERT_TRUE(facts.has_value());
  EXPECT_EQ(facts->name, "ncsnv2");
  EXPECT_EQ(facts->channels, 4);
  EXPECT_EQ(facts->image_channels, 3);
  NetConfig config;
  config.name = "ncsnv2";
  config.prediction = "song-level";
  config.channels = 4;
  config.jax_layers = true;
  const Graph graph = build_net(config, {3, 16, 16, true});
  const auto arranged = arrange(graph, weights.raw, true);
  ASSERT_TRUE(arranged.has_value());
  const auto expect_from = [&](const std::string& ours, const std::string& theirs) {
    for (const NamedArray& array : weights.raw)
      if (array.name == theirs) {
        EXPECT_EQ(arranged->at(ours).offset, array.array.offset) << ours;
        return;
      }
    ADD_FAILURE() << theirs;
  };
  expect_from("res2.0.shortcut.conv.weight", "ResidualBlock_2.ConvMeanPool_1.Conv_0.kernel");
  expect_from("res3.0.shortcut.bias", "ResidualBlock_4.Conv_2.bias");
  expect_from("res4.1.normalize2.gamma", "ResidualBlock_7.InstanceNorm2dPlus_1.gamma");
  expect_from("refine1.output_convs.1_2_conv.weight", "RefineBlock_0.RCUBlock_1.Conv_1.kernel");
  expect_from("refine3.msf.convs.1.weight", "RefineBlock_2.MSFBlock_0.Conv_1.kernel");
  expect_from("refine4.adapt_convs.1.2_1_conv.weight", "RefineBlock_3.RCUBlock_1.Conv_2.kernel");
  expect_from("refine4.output_convs.3_2_conv.weight", "RefineBlock_3.RCUBlock_2.Conv_5.kernel");
  expect_from("refine2.crp.convs.1.weight", "RefineBlock_1.CRPBlock_0.Conv_1.kernel");
  expect_from("normalizer.beta", "InstanceNorm2dPlus_0.beta");
  EXPECT_EQ(arranged->at("refine4.msf.convs.1.weight").shape, (std::vector<std::int64_t>{4, 8, 3, 3}));
  config.jax_layers = false;
  EXPECT_FALSE(arrange(build_net(config, {3, 16, 16, true}), weights.raw, true).has_value())
      << "PyTorch's refine3 is narrower";
}

// Their blocks look like those of a U-Net, for which they were once taken.
TEST(RefineNets, FlaxFilesAreImported) {
  CheckpointFile file{"flax", {}, std::make_shared<const std::vector<std::uint8_t>>(1 << 18)};
  Document& d = file.document;
  Document::Table arrays;
  for (NamedArray& array : JaxNcsnv2(4).arrays_) {
    array.array.offset = 0;
    array.array.storage = *file.bytes;
    arrays.items.emplace_back(d.add(array.name), d.add(array.array));
  }
  Document::Table root;
  root.items.emplace_back(d.add(std::string("params_ema")), d.add(arrays));
  d.root = d.add(root);
  ImportHints hints;
  hints.strong = {{"sde", {{"name", "ve"}}}};
  hints.height = 16;
  const ImportedModel model = import_model(file, hints, "jax");
  EXPECT_EQ(model.spec.net.name, "ncsnv2");
  EXPECT_EQ(model.spec.net.channels, 4);
  EXPECT_TRUE(model.spec.net.jax_layers);
}

}  // namespace
}  // namespace scoresde
