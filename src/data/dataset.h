#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/batch.h"
#include "core/file.h"
#include "core/item_shape.h"

namespace scoresde {

/// A data set in memory. Images are kept as their 8-bit values (C, H, W, item after item) and reach the network as
/// x = u / 127.5 - 1 in [-1, 1]; tables are kept as float32 and reach it standardised by column mean and deviation.
struct Dataset {
  std::string name;                      ///< as the user gave it
  ItemShape shape;
  std::size_t count = 0;
  std::vector<std::uint8_t> pixels;      ///< images
  std::vector<float> values;             ///< tables and toys
  std::vector<float> column_mean, column_std;  ///< tables: x = (value - mean) / std
  std::vector<std::int32_t> labels;      ///< one an item, or empty
  std::vector<std::string> class_names;  ///< one a class, or empty

  int classes() const { return static_cast<int>(class_names.size()); }

  /// Item i in model units, written to out[0 .. shape.size()).
  void item(std::size_t i, float* out) const;
};

struct LoadOptions {
  int resize = 0;              ///< images: centre-crop to a square and resize to this many pixels a side; 0: as they are
  std::size_t most = 0;        ///< read at most this many items; 0: all
  std::uint64_t seed = 0;      ///< of the toys
};

/// Reads DATA as the command line means it: a named set (fashion-mnist, digits, moons, ...), a folder of PNG/JPEG, IDX
/// files or a folder of them (plain or .gz), CIFAR-10/100 binary batches, .npy, .npz, .csv; `#train` or `#test` behind
/// it picks a split. Error{data} names the file and what is wrong with it; never a silently shorter data set.
Dataset load_dataset(std::string_view data, const LoadOptions& options = {});

}  // namespace scoresde
