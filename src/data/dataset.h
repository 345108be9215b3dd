#pragma once
#include <cstdint>
#include <span>
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
  std::string name;  ///< as the user gave it
  ItemShape shape;
  std::size_t count = 0;
  std::vector<std::uint8_t> pixels;            ///< images
  std::vector<float> values;                   ///< tables and toys
  std::vector<float> column_mean, column_std;  ///< tables: x = (value - mean) / std; std is 1 for a constant column
  std::vector<std::string> column_names;       ///< tables whose file names them, or empty
  std::vector<std::int32_t> labels;            ///< one an item in [0, classes()), or empty
  std::vector<std::string> class_names;        ///< one a class, or empty
  std::vector<std::string> notes;              ///< what was converted on the way in, for a person to read
  bool has_split = false;                      ///< true where `#test` gives items that are not in this set

  int classes() const { return static_cast<int>(class_names.size()); }

  /// Item i in model units, written to out[0 .. shape.size()).
  void item(std::size_t i, float* out) const;

  /// The first n items (all where there are fewer) in model units.
  Batch rows(std::size_t n) const;

  /// The 8-bit values of image i; the stored values of row i of a table.
  std::span<const std::uint8_t> image(std::size_t i) const;
  std::span<const float> row(std::size_t i) const;

  /// Items of the indices in model units, a row each.
  Batch batch(std::span<const std::uint32_t> indices) const;
};

struct LoadOptions {
  int resize = 0;          ///< images: centre-crop to a square and resize to this many pixels a side; 0: as they are
  std::size_t most = 0;    ///< read at most this many items, the first ones; 0: all
  std::uint64_t seed = 0;  ///< of the toys
};

/// Reads DATA as the command line means it: a named set (fashion-mnist, digits, moons, ...), a folder of PNG/JPEG, IDX
/// files or a folder of them (plain or .gz), CIFAR-10/100 binary batches, .npy, .npz, .csv; `#train` or `#test` behind
/// it picks a split, and where there is one, nothing behind it means `#train`. Arrays become items by one rule:
/// uint8 of rank 3 (N, H, W) or rank 4 (N, H, W, C) or (N, C, H, W) with C = 1 or 3 are images (where both fit,
/// channels are last); any number type of rank 1 (N) or 2 (N, D) is a table.
/// Error{data} names the file and what is wrong with it; never a silently shorter data set.
Dataset load_dataset(std::string_view data, const LoadOptions& options = {});

}  // namespace scoresde
