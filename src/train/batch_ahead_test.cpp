#include "train/batch_ahead.h"

#include <gtest/gtest.h>
#include <malloc.h>

#include <atomic>
#include <cstring>

#include "core/noise.h"
#include "data/dataset.h"
#include "train/learn.h"

namespace scoresde {
namespace {

ItemBatch batch_from(std::uint64_t first, int count) {
  ItemBatch batch;
  for (int k = 0; k < count; ++k) batch.samples.push_back(first + static_cast<std::uint64_t>(k));
  return batch;
}

TEST(BatchAhead, GivesTheBatchOfAnyPlaceAndMakesTheNextOne) {
  std::atomic<int> made{0};
  const std::thread::id here = std::this_thread::get_id();
  std::atomic<int> made_here{0};
  const auto make = [&](std::uint64_t first) {
    made_here += std::this_thread::get_id() == here;
    ++made;
    return batch_from(first, 4);
  };
  {
    BatchAhead ahead(make, 4);
    for (const std::uint64_t first : {0u, 4u, 8u, 40u, 44u, 0u, 0u, 4u}) EXPECT_EQ(ahead.take(first).samples[0], first);
  }
  EXPECT_EQ(made_here, 4);  // 0, 40, 0, 0: what does not follow from the place before
  EXPECT_GE(made, 8 + 3);
}

TEST(BatchAhead, ThrowsWhatMakingThrows) {
  BatchAhead ahead(
      [](std::uint64_t first) {
        if (first == 4) fail(Failure::data, "item 4 is damaged");
        return batch_from(first, 4);
      },
      4);
  EXPECT_EQ(ahead.take(0).samples.size(), 4u);
  EXPECT_THROW(ahead.take(4), Error);
  EXPECT_EQ(ahead.take(8).samples.size(), 4u);
}

RunConfig small_unet() {
  RunConfig config;
  config.net.channels = 8;
  config.net.channel_mult = {1, 2};
  config.net.attention = {4};
  config.net.dropout = 0.1;
  config.batch = 16;
  config.validation.items = 0;
  config.data_std = 1;
  return config;
}

// The noise that comes with a batch is the one that an objective would draw.
TEST(BatchAhead, NoiseIsThatOfTheSamples) {
  const RunConfig config = small_unet();
  const Dataset data = load_dataset("digits");
  ItemSource source(data, config, split_items(data.count, 0));
  const ItemBatch batch = source.training(64, 3);
  std::vector<float> row(64);
  for (int k = 0; k < 3; ++k) {
    fill_normal({.purpose = Purpose::perturbation, .sample = 64u + static_cast<unsigned>(k), .step = training_noise},
                row);
    EXPECT_EQ(std::memcmp(batch.z.data_ptr<float>() + k * 64, row.data(), 64 * sizeof(float)), 0) << k;
  }
}

// The next batch may be in the making or not; a leak of 200 bytes a step would be seen beside that.
TEST(BatchAhead, MemoryDoesNotGrowFromStepToStep) {
  for (const bool exact : {false, true}) {
    RunConfig config = small_unet();
    config.exact = exact;
    const Dataset data = load_dataset("digits");
    Training training(config, data);
    const auto in_use_after = [&](int steps) {
      for (int s = 0; s < steps; ++s) training.update();
      return static_cast<long long>(mallinfo2().uordblks + mallinfo2().hblkhd);
    };
    const long long before = in_use_after(10), after = in_use_after(200);
    EXPECT_LT(after - before, 200 * 200) << (exact ? "LibTorch" : "engine");
  }
}

}  // namespace
}  // namespace scoresde
