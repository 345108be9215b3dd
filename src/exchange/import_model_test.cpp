#include "exchange/import_model.h"

#include <gtest/gtest.h>

#include "exchange/export_model.h"
#include "test_paths.h"

namespace scoresde {
namespace {

ImportedModel import_recorded(const std::string& name, const ImportHints& hints) {
  const fs::path path = fs::path(SCORESDE_SOURCE_DIR) / "tests" / "checkpoints" / name;
  return import_model(read_checkpoint_file(path), hints, name);
}

ImportHints hints_for(const char* sde, int size) {
  ImportHints hints;
  hints.strong = {{"sde", {{"name", sde}}}};
  hints.height = size;
  return hints;
}

ImportHints ddpmpp_hints() {
  ImportHints hints = hints_for("vp", 8);
  hints.strong["net"]["fir"] = false;
  return hints;
}

std::string refusal_of_import(const std::string& name, const ImportHints& hints, Failure failure) {
  try {
    import_recorded(name, hints);
  } catch (const Error& error) {
    EXPECT_EQ(error.failure(), failure) << error.what();
    return error.what();
  }
  return "";
}

TEST(ImportModel, OptionsAreInferredFromNamesAndShapes) {
  const ModelSpec vp = import_recorded("ddpmpp_vp_tiny.pth", ddpmpp_hints()).spec;
  const ModelSpec ve = import_recorded("ncsnpp_ve_tiny_legacy.pth", hints_for("ve", 8)).spec;
  for (const ModelSpec* spec : {&vp, &ve}) {
    EXPECT_EQ(spec->net.name, "ncsnpp");
    EXPECT_EQ(spec->net.resblock, "biggan");
    EXPECT_EQ(spec->net.channels, 8);
    EXPECT_EQ(spec->net.channel_mult, (std::vector<int>{1, 2}));
    EXPECT_EQ(spec->net.blocks, 1);
    EXPECT_EQ(spec->net.attention, (std::vector<int>{4}));
    EXPECT_EQ(spec->net.progressive, "none");
    EXPECT_TRUE(spec->net.skip_rescale);
    EXPECT_EQ(spec->shape, (ItemShape{3, 8, 8, true}));
  }
  EXPECT_EQ(vp.net.embedding, "positional");
  EXPECT_EQ(vp.net.progressive_input, "none");
  EXPECT_EQ(vp.net.prediction, "song-noise");
  EXPECT_FALSE(vp.net.scale_by_sigma);
  EXPECT_EQ(ve.net.embedding, "fourier");
  EXPECT_EQ(ve.net.progressive_input, "residual");
  EXPECT_EQ(ve.net.prediction, "song-score");
  EXPECT_TRUE(ve.net.fir);
  EXPECT_TRUE(ve.net.scale_by_sigma);
  EXPECT_EQ(ve.sde.sigma_max, 100);  // twice the reference's: its pixels run from 0 to 1
  EXPECT_EQ(ve.sde.sigma_min, 0.02);
}

TEST(ImportModel, AveragesWithoutNamesFindTheirParameters) {
  const ImportedModel model = import_recorded("ncsnpp_ve_tiny_legacy.pth", hints_for("ve", 8));
  ASSERT_TRUE(model.has_average);
  EXPECT_EQ(model.step, 3);
  EXPECT_EQ(model.average.size(), 157u);
  // The frozen frequencies are the model's; everything else has moved with three updates.
  EXPECT_EQ(model.average.at("all_modules.0.W").bytes, model.raw.at("all_modules.0.W").bytes);
  EXPECT_NE(model.average.at("all_modules.19.weight").bytes, model.raw.at("all_modules.19.weight").bytes);
}

TEST(ImportModel, WhatACheckpointCannotTellIsAskedFor) {
  const std::string all = refusal_of_import("ddpmpp_vp_tiny.pth", {}, Failure::usage);
  for (const char* word : {"--sde", "--size", "net.fir", "--preset"})
    EXPECT_NE(all.find(word), std::string::npos) << all;
  ImportHints no_size = ddpmpp_hints();
  no_size.height = 0;
  EXPECT_NE(refusal_of_import("ddpmpp_vp_tiny.pth", no_size, Failure::usage).find("--size"), std::string::npos);
}

// A plain file of weights with our own names: the first layer tells columns and colours.
TEST(ImportModel, OurOwnNetsWithoutADescriptionTakeTheFormOfTheirFirstLayer) {
  NetConfig mlp, unet;
  mlp.name = "mlp";
  unet.patch = 2;
  unet.channels = mlp.channels = 8;
  for (const auto& [net, shape] : {std::pair{mlp, ItemShape{5, 1, 1, false}}, {unet, ItemShape{2, 14, 14, true}}}) {
    std::map<std::string, Tensor> weights;
    for (const Parameter& parameter : build_net(net, shape).parameters)
      weights[parameter.name] = {Dtype::f32, parameter.shape, {}};
    for (auto& [name, tensor] : weights) tensor.bytes.resize(4 * static_cast<std::size_t>(element_count(tensor.shape)));
    const fs::path path = testing::TempDir() + "scoresde_plain.safetensors";
    write_safetensors(path, {weights, {}});
    ImportHints hints = hints_for("vp", 14);
    hints.strong["net"] = to_json(net);
    EXPECT_EQ(import_model(read_checkpoint_file(path), hints, "plain").spec.shape, shape);
    fs::remove(path);
  }
}

NetConfig song_net(const std::string& name, std::vector<int> mult, std::vector<int> attention) {
  NetConfig net;
  net.name = name;
  net.channels = 8;
  net.blocks = 1;
  net.channel_mult = std::move(mult);
  net.attention = std::move(attention);
  net.embedding = "positional";
  net.fir = false;
  return net;
}

// What a plain file of a network's weights says about it; `more`: arrays that the network does not have.
NetConfig inferred(const NetConfig& net, const ItemShape& shape, const std::vector<std::string>& more = {}) {
  std::map<std::string, Tensor> weights;
  for (const Parameter& parameter : build_net(net, shape).parameters)
    weights[parameter.name] =
        Tensor::of(parameter.shape, std::vector<float>(static_cast<std::size_t>(element_count(parameter.shape))));
  for (const std::string& name : more) weights[name] = Tensor::of({1}, std::vector<float>{1});
  const auto* test = testing::UnitTest::GetInstance()->current_test_info();
  const fs::path path = testing::TempDir() + "scoresde_" + test->name() + ".safetensors";
  write_safetensors(path, {weights, {}});
  ImportHints hints = hints_for("vp", shape.height);
  hints.strong["net"]["fir"] = net.fir;
  const ImportedModel model = import_model(read_checkpoint_file(path), hints, "plain");
  fs::remove(path);
  EXPECT_EQ(model.raw.size() + more.size(), weights.size());
  return model.spec.net;
}

TEST(ImportModel, ResamplingWithoutConvolutionsIsRecognised) {
  const ItemShape shape{3, 16, 16, true};
  for (const char* name : {"ddpm", "ncsnpp"})
    for (const bool learned : {true, false}) {
      NetConfig net = song_net(name, {1, 1, 2}, {16, 4});
      net.resblock = "ddpm";
      net.resample_conv = learned;
      EXPECT_EQ(inferred(net, shape).resample_conv, learned) << name;
    }
}

// All pyramids of a single level are none: eight ways to say the same network.
TEST(ImportModel, OneLevelIsNoChoice) {
  const NetConfig net = song_net("ncsnpp", {1}, {8});
  EXPECT_EQ(inferred(net, {3, 8, 8, true}).attention, (std::vector<int>{8}));
}

// score_sde's PyTorch makes the blocks' maps of the time even where there is none.
TEST(ImportModel, TimeMapsThatNothingReadsAreLeftOut) {
  NetConfig net = song_net("ncsnpp", {1, 2}, {4});
  net.conditional = false;
  EXPECT_FALSE(
      inferred(net, {3, 8, 8, true}, {"all_modules.1.Dense_0.weight", "all_modules.1.Dense_0.bias"}).conditional);
}

TEST(ImportModel, AMismatchIsADiff) {
  ImportHints hints = ddpmpp_hints();
  hints.strong["net"]["channels"] = 16;
  const std::string message = refusal_of_import("ddpmpp_vp_tiny.pth", hints, Failure::data);
  EXPECT_NE(message.find("is (32, 8) and should be (64, 16)"), std::string::npos) << message;
  hints = ddpmpp_hints();
  hints.strong["net"]["embedding"] = "fourier";
  EXPECT_NE(refusal_of_import("ddpmpp_vp_tiny.pth", hints, Failure::data).find("missing"), std::string::npos);
}

class ExportedFile : public testing::Test {
 protected:
  ~ExportedFile() override {
    for (const std::string& path : made_) fs::remove_all(path);
  }
  std::string path(const std::string& name) {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    made_.push_back(testing::TempDir() + "scoresde_" + test->name() + "_" + name);
    fs::remove_all(made_.back());
    return made_.back();
  }

 private:
  std::vector<std::string> made_;
};

void expect_same(const ImportedModel& a, const ImportedModel& b) {
  EXPECT_EQ(shown(to_json(a.spec)), shown(to_json(b.spec)));
  for (const auto& [theirs, ours] : {std::pair{&a.average, &b.average}, std::pair{&a.raw, &b.raw}}) {
    ASSERT_EQ(theirs->size(), ours->size());
    for (const auto& [name, tensor] : *theirs) {
      EXPECT_EQ(ours->at(name).bytes, tensor.bytes) << name;
      EXPECT_EQ(ours->at(name).shape, tensor.shape) << name;
    }
  }
}

TEST_F(ExportedFile, ComesBackWithTheSameBits) {
  for (const auto& [name, hints] :
       {std::pair{"ddpmpp_vp_tiny.pth", ddpmpp_hints()}, std::pair{"ncsnpp_ve_tiny_legacy.pth", hints_for("ve", 8)}}) {
    const ImportedModel model = import_recorded(name, hints);
    const std::string torch = path("model.pth"), plain = path("model.safetensors");
    export_torch(torch, model.spec, {model.average, model.raw, model.step});
    const ImportedModel again = import_model(read_checkpoint_file(torch), {}, torch);
    EXPECT_EQ(again.step, 3);
    expect_same(model, again);
    write_model(plain, model.spec, model.average);
    const ImportedModel single = import_model(read_checkpoint_file(plain), {}, plain);
    EXPECT_FALSE(single.has_average);
    expect_same({model.spec, model.average, model.average}, single);
  }
}

TEST(ImportModel, FlaxHasTheSameModelInOtherNamesAndAxes) {
  const ImportedModel torch = import_recorded("ncsnpp_ve_tiny_legacy.pth", hints_for("ve", 8));
  ImportHints hints = hints_for("ve", 8);
  hints.weak = {{"sde", {{"sigma_min", 0.02}, {"sigma_max", 100}}}};  // flax files have no table of noise levels
  expect_same(torch, import_recorded("ncsnpp_ve_tiny.flax", hints));
}

// Half precision is widened without loss: all 65536 numbers against the definition.
TEST(ImportModel, HalfPrecisionIsWidenedExactly) {
  std::vector<std::uint8_t> bytes;
  for (int k = 0; k < 65536; ++k) {
    bytes.push_back(static_cast<std::uint8_t>(k));
    bytes.push_back(static_cast<std::uint8_t>(k >> 8));
  }
  const Tensor half = floating({Dtype::f16, {65536}, {1}, 0, bytes}, "w");
  const Tensor brain = floating({Dtype::bf16, {65536}, {1}, 0, bytes}, "w");
  int finite = 0;
  for (int k = 0; k < 65536; ++k) {
    const int exponent = k >> 10 & 31, fraction = k & 1023;
    if (exponent != 31) {
      const double value = (exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25)) *
                           (k & 0x8000 ? -1 : 1);
      ASSERT_EQ(half.f32()[static_cast<std::size_t>(k)], value) << k;
      ++finite;
    } else {
      ASSERT_EQ(std::isnan(half.f32()[static_cast<std::size_t>(k)]), fraction != 0) << k;
    }
    const auto bits = std::bit_cast<std::uint32_t>(brain.f32()[static_cast<std::size_t>(k)]);
    ASSERT_EQ(bits, static_cast<std::uint32_t>(k) << 16);
  }
  EXPECT_EQ(finite, 65536 - 2048);
  EXPECT_THROW(floating({Dtype::i64, {0}, {1}, 0, {}}, "w"), Error);
}

}  // namespace
}  // namespace scoresde
