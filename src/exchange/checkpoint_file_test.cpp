#include "exchange/checkpoint_file.h"

#include <gtest/gtest.h>

#include "exchange/foreign_weights.h"
#include "test_paths.h"

namespace scoresde {
namespace {

fs::path recorded_checkpoint(const std::string& name) {
  return fs::path(SCORESDE_SOURCE_DIR) / "tests" / "checkpoints" / name;
}

struct RecordedCheckpoint {
  const char *file, *format;
  std::size_t model_arrays, average_arrays;
};
constexpr RecordedCheckpoint recorded_checkpoints[] = {{"ddpmpp_vp_tiny.pth", "torch", 155, 154},
                                                       {"ncsnpp_ve_tiny_legacy.pth", "torch-legacy", 158, 156}};

TEST(CheckpointFile, CheckpointsOfScoreSdeAreRead) {
  for (const auto& [name, format, model_arrays, average_arrays] : recorded_checkpoints) {
    const CheckpointFile file = read_checkpoint_file(recorded_checkpoint(name));
    const Document& d = file.document;
    EXPECT_EQ(file.format, format);
    EXPECT_EQ(d.keys(d.root), (std::vector<std::string>{"optimizer", "model", "ema", "step"}));
    EXPECT_EQ(*d.get<std::int64_t>(d.find(d.root, "step").value()), 3);
    const auto model = named_arrays(d, d.find(d.root, "model").value(), name);
    ASSERT_EQ(model.size(), model_arrays);
    EXPECT_EQ(model[0].name, "module.sigmas");
    EXPECT_EQ(model[0].array.dtype, Dtype::f64);
    EXPECT_NEAR(model[0].array.copy().f64()[0], 50, 1e-12);
    EXPECT_NEAR(model[0].array.copy().f64()[999], 0.01, 1e-12);
    const auto ema = d.find(d.root, "ema").value();
    EXPECT_EQ(named_arrays(d, d.find(ema, "shadow_params").value(), name).size(), average_arrays);
    EXPECT_EQ(*d.get<std::int64_t>(d.find(ema, "num_updates").value()), 3);
  }
}

// Written by PyTorch 1.13 (tests/fuzz/make_corpus.py): w = arange(6) as (2, 3), its transpose and its second row share
// one storage.
TEST(CheckpointFile, EveryNumberFormatAndSharedStoragesAreRead) {
  for (const char* name : {"tensors_zip.pth", "tensors_legacy.pth"}) {
    const CheckpointFile file =
        read_checkpoint_file(fs::path(SCORESDE_SOURCE_DIR) / "tests" / "fuzz" / "corpus" / name);
    std::map<std::string, Tensor> tensors;
    for (const NamedArray& array : named_arrays(file.document, file.document.root, name))
      tensors[array.name] = array.array.copy();
    ASSERT_EQ(tensors.size(), 8u) << name;
    const auto floats = [&](const char* key) {
      const auto values = tensors.at(key).f32();
      return std::vector<float>(values.begin(), values.end());
    };
    EXPECT_EQ(floats("w"), (std::vector<float>{0, 1, 2, 3, 4, 5}));
    EXPECT_EQ(floats("t"), (std::vector<float>{0, 3, 1, 4, 2, 5}));
    EXPECT_EQ(tensors.at("t").shape, (std::vector<std::int64_t>{3, 2}));
    EXPECT_EQ(floats("part"), (std::vector<float>{3, 4, 5}));
    EXPECT_EQ(floats("s"), (std::vector<float>{1.5}));
    EXPECT_EQ(tensors.at("n").i64()[0], 3);
    EXPECT_EQ(tensors.at("b").dtype, Dtype::boolean);
    EXPECT_EQ(tensors.at("b").bytes, (std::vector<std::uint8_t>{1, 0}));
    EXPECT_EQ(tensors.at("half").dtype, Dtype::f16);
    EXPECT_EQ(tensors.at("half").bytes[10] | tensors.at("half").bytes[11] << 8, 0x4500);  // 5
    EXPECT_EQ(tensors.at("bf").dtype, Dtype::bf16);
    EXPECT_EQ(tensors.at("bf").bytes[10] | tensors.at("bf").bytes[11] << 8, 0x40a0);
  }
}

TEST(CheckpointFile, WeightsAreFoundInTheNestsOfOthers) {
  for (const char* name : {"module_zip.pth", "module_legacy.pth"}) {  // {"state_dict": ...}
    const CheckpointFile file =
        read_checkpoint_file(fs::path(SCORESDE_SOURCE_DIR) / "tests" / "fuzz" / "corpus" / name);
    const ForeignWeights weights = find_weights(file.document, name);
    ASSERT_EQ(weights.raw.size(), 2u);
    EXPECT_EQ(weights.raw[0].name, "weight");
    EXPECT_EQ(weights.raw[1].name, "bias");
    EXPECT_TRUE(weights.average.empty());
  }
  const CheckpointFile file = read_checkpoint_file(recorded_checkpoint("ncsnpp_ve_tiny_legacy.pth"));
  const ForeignWeights weights = find_weights(file.document, "file");
  EXPECT_EQ(weights.raw.front().name, "all_modules.0.W");
  EXPECT_EQ(weights.average.size(), 156u);
  EXPECT_FALSE(weights.average_has_names);
  EXPECT_EQ(weights.noise_levels->array.size(), 1000);
}

}  // namespace
}  // namespace scoresde
