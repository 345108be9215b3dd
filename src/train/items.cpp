#include "train/items.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <cmath>

#include "core/noise.h"
#include "data/augment.h"
#include "objective/learner.h"

namespace scoresde {
namespace {

std::vector<std::int64_t> batch_shape(const ItemShape& shape, std::size_t count) {
  const auto n = static_cast<std::int64_t>(count);
  if (!shape.image) return {n, shape.channels};
  return {n, shape.channels, shape.height, shape.width};
}

}  // namespace

ItemSplit split_items(std::size_t count, std::size_t wanted) {
  const std::size_t held_out = std::min(wanted, count / 20);
  const auto order = permutation(0, Purpose::subset, 0, static_cast<std::uint32_t>(count));
  const auto middle = order.begin() + static_cast<std::ptrdiff_t>(held_out);
  ItemSplit split{{middle, order.end()}, {order.begin(), middle}};
  std::sort(split.training.begin(), split.training.end());
  std::sort(split.validation.begin(), split.validation.end());
  return split;
}

ItemSource::ItemSource(const Dataset& data, const RunConfig& config, ItemSplit split)
    : data_(data), config_(config), split_(std::move(split)) {
  if (split_.training.empty()) fail(Failure::data, "{} has no items to train on", data.name);
}

ItemBatch ItemSource::training(std::uint64_t first, int count) {
  const std::uint64_t n = split_.training.size();
  std::vector<std::uint64_t> samples;
  std::vector<std::uint32_t> items;
  for (std::uint64_t k = first; k < first + static_cast<std::uint64_t>(count); ++k) {
    if (k / n != epoch_) {
      epoch_ = k / n;
      order_ = permutation(static_cast<std::uint64_t>(config_.seed), Purpose::data_order,
                           static_cast<std::uint32_t>(epoch_), static_cast<std::uint32_t>(n));
    }
    samples.push_back(k);
    items.push_back(split_.training[order_[k % n]]);
  }
  ItemBatch batch = load(std::move(samples), std::move(items), true);
  const CounterTrainingNoise noise(static_cast<std::uint64_t>(config_.seed), batch.samples, training_noise, false);
  batch.z = noise.normal(Purpose::perturbation, batch.x0);
  return batch;
}

ItemBatch ItemSource::validation(std::size_t first, std::size_t count) const {
  std::vector<std::uint64_t> samples;
  std::vector<std::uint32_t> items;
  for (std::size_t k = first; k < first + count; ++k) {
    samples.push_back(k);
    items.push_back(split_.validation[k]);
  }
  return load(std::move(samples), std::move(items), false);
}

ItemBatch ItemSource::load(std::vector<std::uint64_t> samples, std::vector<std::uint32_t> items, bool augmented) const {
  ItemBatch batch{std::move(samples), std::move(items), {}, {}, {}, {}};
  const auto size = static_cast<std::size_t>(data_.shape.size());
  const Augment augment{static_cast<std::uint64_t>(config_.seed), augmented && config_.data.dequantise,
                        augmented && config_.data.flip};
  at::Tensor x0 = at::empty(batch_shape(data_.shape, batch.items.size()), at::kFloat);
  float* values = x0.data_ptr<float>();
  for (std::size_t i = 0; i < batch.items.size(); ++i)
    fill_item(data_, batch.items[i], augment, batch.samples[i], values + i * size);
  batch.x0 = x0.to(c10::Device(config_.device));
  add_labels(batch, augmented);
  return batch;
}

void ItemSource::add_labels(ItemBatch& batch, bool drop) const {
  if (data_.labels.empty()) return;
  const auto n = static_cast<std::int64_t>(batch.items.size());
  batch.labels = at::empty({n}, at::kLong);
  batch.class_labels = at::empty({n}, at::kLong);
  for (std::size_t i = 0; i < batch.items.size(); ++i) {
    const std::int64_t label = data_.labels[batch.items[i]];
    const NoiseAddress address{static_cast<std::uint64_t>(config_.seed), Purpose::label_dropout, batch.samples[i]};
    const bool hidden = drop && config_.net.label_dropout > 0 && uniform(address) < config_.net.label_dropout;
    batch.labels.data_ptr<std::int64_t>()[i] = label;
    batch.class_labels.data_ptr<std::int64_t>()[i] = hidden ? -1 : label;
  }
  batch.labels = batch.labels.to(c10::Device(config_.device));
  batch.class_labels = config_.net.classes > 0 ? batch.class_labels.to(c10::Device(config_.device)) : at::Tensor();
}

double measure_data_std(const Dataset& data, std::size_t most) {
  const std::size_t used = std::min(data.count, most);
  std::vector<float> x(static_cast<std::size_t>(data.shape.size()));
  double sum = 0, squares = 0;
  for (std::size_t k = 0; k < used; ++k) {
    data.item(k * data.count / used, x.data());
    for (float value : x) {
      sum += value;
      squares += static_cast<double>(value) * value;
    }
  }
  const double n = static_cast<double>(used) * static_cast<double>(x.size());
  return std::sqrt(std::max(squares / n - sum / n * (sum / n), 0.0));
}

std::uint32_t data_checksum(const Dataset& data) {
  const auto bytes = [](const auto& values) {
    return std::span(reinterpret_cast<const std::uint8_t*>(values.data()), values.size() * sizeof(values[0]));
  };
  std::uint32_t crc = crc32(bytes(data.pixels));
  crc = crc32(bytes(data.values), crc);
  crc = crc32(bytes(data.labels), crc);
  const std::string shape = to_text(data.shape);
  return crc32(bytes(shape), crc);
}

}  // namespace scoresde
