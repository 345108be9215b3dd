#include "exchange/checkpoint_file.h"

#include <gtest/gtest.h>

#include <numeric>

#include "core/error.h"
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

}  // namespace
}  // namespace scoresde
