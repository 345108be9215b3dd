#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "data/dataset.h"

namespace scoresde {

/// What happens to an item on its way into a training batch. Tables are left as they are.
struct Augment {
  std::uint64_t seed = 0;
  bool dequantise = false;  ///< x = 2 (u + U) / 256 - 1, U ~ U(0, 1) a value (Song et al. 2021, uniform dequantisation)
  bool flip = false;        ///< mirrored left to right with probability 1/2
};

/// Item i in model units, augmented by the random numbers of `sample`: a global counter of training samples, so that
/// the same item gets other numbers in every epoch and the same ones after a resume.
void fill_item(const Dataset& set, std::size_t i, const Augment& augment, std::uint64_t sample, float* out);

/// A data set for training and what is held out of it for validation, both as item numbers.
struct TrainingData {
  Dataset train;
  Dataset test;  ///< the `#test` items where there is such a split; else empty, and validation items are of `train`
  std::vector<std::uint32_t> train_items, validation_items;
  std::string how;  ///< how the validation items were chosen, for a person to read

  const Dataset& validation() const { return test.count ? test : train; }
};

/// Reads DATA and holds out at most 1,000 items, chosen by Purpose::subset of `seed`: of `#test` where there is a split
/// and DATA does not name one, and otherwise 5 % of the items (at least one; none of a set of one item). A test table
/// is standardised by the mean and deviation of the training table.
TrainingData load_training_data(const std::string& data, const LoadOptions& options, std::uint64_t seed);

/// `most` of the numbers 0 .. count - 1 (all where there are no more), chosen by Purpose::subset of `seed`, ascending.
std::vector<std::uint32_t> random_subset(std::size_t count, std::size_t most, std::uint64_t seed);

}  // namespace scoresde
