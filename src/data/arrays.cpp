#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/text.h"
#include "data/formats.h"

namespace scoresde {
namespace {

template <class T>
T element(const Tensor& array, std::size_t i) {
  T value;
  std::memcpy(&value, array.bytes.data() + i * sizeof(T), sizeof(T));
  return value;
}

bool is_channels(std::int64_t n) { return n == 1 || n == 3; }

Dataset table_from_array(const Tensor& data, const std::string& where) {
  Dataset set;
  set.count = static_cast<std::size_t>(data.shape[0]);
  const std::int64_t columns = data.shape.size() == 2 ? data.shape[1] : 1;
  if (columns < 1 || columns > 1000000)
    fail(Failure::data, "{}: {} columns; 1 to 1,000,000 are possible", where, columns);
  set.shape = {.channels = static_cast<int>(columns), .height = 1, .width = 1, .image = false};
  set.values.resize(set.count * static_cast<std::size_t>(columns));
  for (std::size_t i = 0; i < set.values.size(); ++i) {
    set.values[i] = static_cast<float>(number_at(data, i, where));
    if (!std::isfinite(set.values[i]))
      fail(Failure::data, "{}: row {}, column {} is not a finite float32 number", where,
           i / static_cast<std::size_t>(columns), i % static_cast<std::size_t>(columns));
  }
  return set;
}

Dataset images_from_array(const Tensor& data, const std::string& where) {
  const auto& n = data.shape;
  const bool last = n.size() == 3 || is_channels(n[3]);
  if (!last && !is_channels(n[1]))
    fail(Failure::data, "{}: images of shape {} have neither 1 nor 3 channels, first or last", where,
         shape_text(data.shape));
  const std::int64_t channels = n.size() == 3 ? 1 : last ? n[3] : n[1];
  const std::int64_t height = last ? n[1] : n[2], width = last ? n[2] : n[3];
  if (height < 1 || width < 1 || height > 65536 || width > 65536)
    fail(Failure::data, "{}: images of {} x {} pixels; 1 to 65536 a side are possible", where, height, width);
  Dataset set;
  set.count = static_cast<std::size_t>(n[0]);
  set.shape = {static_cast<int>(channels), static_cast<int>(height), static_cast<int>(width), true};
  if (last && channels > 1)
    set.pixels = channels_first(data.bytes, set.count, static_cast<std::size_t>(height * width),
                                static_cast<std::size_t>(channels));
  else
    set.pixels = data.bytes;
  return set;
}

}  // namespace

double number_at(const Tensor& array, std::size_t i, const std::string& where) {
  switch (array.dtype) {
    case Dtype::f64:
      return element<double>(array, i);
    case Dtype::f32:
      return element<float>(array, i);
    case Dtype::i64:
      return static_cast<double>(element<std::int64_t>(array, i));
    case Dtype::i32:
      return element<std::int32_t>(array, i);
    case Dtype::i16:
      return element<std::int16_t>(array, i);
    case Dtype::i8:
      return element<std::int8_t>(array, i);
    case Dtype::u8:
    case Dtype::boolean:
      return element<std::uint8_t>(array, i);
    default:
      fail(Failure::data, "{}: numbers of type {} cannot be read", where, dtype_name(array.dtype));
  }
}

std::vector<std::uint8_t> channels_first(std::span<const std::uint8_t> pixels, std::size_t count, std::size_t area,
                                         std::size_t channels) {
  std::vector<std::uint8_t> out(pixels.size());
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint8_t* from = pixels.data() + i * area * channels;
    std::uint8_t* to = out.data() + i * area * channels;
    for (std::size_t c = 0; c < channels; ++c)
      for (std::size_t p = 0; p < area; ++p) to[c * area + p] = from[p * channels + c];
  }
  return out;
}

Dataset dataset_from_array(const Tensor& data, const std::string& where) {
  const std::size_t rank = data.shape.size();
  if (rank > 0 && data.shape[0] < 1)
    fail(Failure::data, "{} has no items: its shape is {}", where, shape_text(data.shape));
  if (rank == 1 || rank == 2) return table_from_array(data, where);
  if ((rank == 3 || rank == 4) && data.dtype == Dtype::u8) return images_from_array(data, where);
  fail(
      Failure::data,
      "{}: an array of {} with shape {} is neither images (uint8 of shape (N, H, W), (N, H, W, C) or (N, C, H, W)) nor "
      "a table (numbers of shape (N, D))",
      where, dtype_name(data.dtype), shape_text(data.shape));
}

void set_labels(Dataset& dataset, const Tensor& labels, const std::string& where) {
  if (labels.shape.empty() || labels.shape.size() > 2 || (labels.shape.size() == 2 && labels.shape[1] != 1))
    fail(Failure::data, "{}: labels of shape {}; (N) is expected", where, shape_text(labels.shape));
  if (static_cast<std::size_t>(labels.shape[0]) != dataset.count)
    fail(Failure::data, "{}: {} labels for {} items", where, labels.shape[0], dataset.count);
  dataset.labels.resize(dataset.count);
  for (std::size_t i = 0; i < dataset.count; ++i) {
    const double label = number_at(labels, i, where);
    if (!(label >= 0 && label < 1e5) || label != std::floor(label))
      fail(Failure::data, "{}: label {} of item {} is not a whole number in [0, 100000)", where, label, i);
    dataset.labels[i] = static_cast<std::int32_t>(label);
  }
}

}  // namespace scoresde
