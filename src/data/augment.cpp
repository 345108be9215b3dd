#include "data/augment.h"

#include <algorithm>

#include "core/error.h"
#include "core/noise.h"

namespace scoresde {
namespace {

void flip_rows(const ItemShape& shape, float* values) {
  for (Index row = 0; row < Index{1} * shape.channels * shape.height; ++row)
    std::reverse(values + row * shape.width, values + (row + 1) * shape.width);
}

void fill_dequantised(const Dataset& set, std::size_t i, const NoiseAddress& address, float* out) {
  const auto pixels = set.image(i);
  thread_local std::vector<double> noise;
  noise.resize(pixels.size());
  fill_uniform(address, noise);
  for (std::size_t j = 0; j < pixels.size(); ++j) out[j] = static_cast<float>((pixels[j] + noise[j]) / 128 - 1);
}

}  // namespace

void fill_item(const Dataset& set, std::size_t i, const Augment& augment, std::uint64_t sample, float* out) {
  if (i >= set.count) fail(Failure::run, "item {} of {} was asked for", i, set.count);
  if (!set.shape.image || !augment.dequantise)
    set.item(i, out);
  else
    fill_dequantised(set, i, {.seed = augment.seed, .purpose = Purpose::dequantise, .sample = sample}, out);
  if (set.shape.image && augment.flip &&
      uniform({.seed = augment.seed, .purpose = Purpose::flip, .sample = sample}) < 0.5)
    flip_rows(set.shape, out);
}

std::vector<std::uint32_t> random_subset(std::size_t count, std::size_t most, std::uint64_t seed) {
  std::vector<std::uint32_t> chosen = permutation(seed, Purpose::subset, 0, static_cast<std::uint32_t>(count));
  chosen.resize(std::min(most, count));
  std::sort(chosen.begin(), chosen.end());
  return chosen;
}

TrainingData load_training_data(const std::string& data, const LoadOptions& options, std::uint64_t seed) {
  constexpr std::size_t kMostValidation = 1000;
  TrainingData out;
  out.train = load_dataset(data, options);
  const bool named = data.ends_with("#train") || data.ends_with("#test");
  if (out.train.has_split && !named) {
    out.test = load_dataset(data + "#test", options);
    if (!(out.test.shape == out.train.shape))
      fail(Failure::data, "{}: items of {} to train and of {} to test", data, to_text(out.train.shape),
           to_text(out.test.shape));
    out.test.column_mean = out.train.column_mean;
    out.test.column_std = out.train.column_std;
    out.validation_items = random_subset(out.test.count, kMostValidation, seed);
    out.train_items = random_subset(out.train.count, out.train.count, seed);
    out.how = fmt::format("{} of the {} items of {}#test", out.validation_items.size(), out.test.count, data);
    return out;
  }
  const std::size_t count = out.train.count;
  out.validation_items =
      random_subset(count, count < 2 ? 0 : std::clamp<std::size_t>(count / 20, 1, kMostValidation), seed);
  auto held = out.validation_items.begin();
  for (std::uint32_t i = 0; i < count; ++i) {
    if (held != out.validation_items.end() && *held == i)
      ++held;
    else
      out.train_items.push_back(i);
  }
  out.how = fmt::format("{} of the {} items, which are not trained on", out.validation_items.size(), count);
  return out;
}

}  // namespace scoresde
