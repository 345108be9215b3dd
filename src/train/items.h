#pragma once
#include <vector>

#include "data/dataset.h"
#include "nn/tensor.h"
#include "train/config.h"

namespace scoresde {

/// Which items of a data set are trained on and which are held out.
struct ItemSplit {
  std::vector<std::uint32_t> training, validation;
};

/// Holds out `wanted` items, at most a twentieth of all: a choice that depends on the number of items alone, so that
/// validation losses of different seeds can be compared. Taken from the training items even where the data has a test
/// set: that one chooses no checkpoint.
ItemSplit split_items(std::size_t count, std::size_t wanted);

/// The items of one forward pass.
struct ItemBatch {
  std::vector<std::uint64_t> samples;  ///< running numbers: the addresses of all that is random about them
  std::vector<std::uint32_t> items;    ///< which items of the data set they are
  at::Tensor x0;                       ///< (B, C, H, W) or (B, D), float32
  at::Tensor labels;                   ///< (B) int64, or undefined
  at::Tensor class_labels;             ///< labels with some hidden (-1) by label dropout; undefined without classes
  at::Tensor z;                        ///< N(0, I) of Purpose::perturbation in the form of x0; training batches only
};

/// Noise steps (NoiseAddress::step) that keep apart what shares sample numbers.
inline constexpr std::uint32_t training_noise = 0, validation_noise = 1;

/// Composes batches. Sample k of a run is item k mod n of epoch k / n's permutation, flipped and dequantised by noise
/// addressed by k: batches depend on nothing but (config, data, k).
class ItemSource {
 public:
  ItemSource(const Dataset& data, const RunConfig& config, ItemSplit split);

  /// Training samples first ... first + count - 1 of the run.
  ItemBatch training(std::uint64_t first, int count);

  /// Held-out items first ... first + count - 1, as they are; their running number is their place in the list.
  ItemBatch validation(std::size_t first, std::size_t count) const;

  std::size_t validation_count() const { return split_.validation.size(); }
  std::size_t training_count() const { return split_.training.size(); }

 private:
  ItemBatch load(std::vector<std::uint64_t> samples, std::vector<std::uint32_t> items, bool augmented) const;
  void add_labels(ItemBatch& batch, bool drop) const;

  const Dataset& data_;
  const RunConfig& config_;
  ItemSplit split_;
  std::vector<std::uint32_t> order_;
  std::uint64_t epoch_ = ~std::uint64_t{0};  ///< whose permutation order_ is
};

/// Standard deviation of all values about their common mean, in model units, over at most `most` items evenly spread.
double measure_data_std(const Dataset& data, std::size_t most = 10000);

/// A checksum of values, shape and labels: a resumed run must see the data it began with.
std::uint32_t data_checksum(const Dataset& data);

}  // namespace scoresde
