#pragma once
#include <cstdint>
#include <vector>

#include "data/dataset.h"

namespace scoresde {

/// The largest Euclidean distance between two items in model units. Song & Ermon (2020), technique 1, choose the
/// sigma_max of a VE SDE as large as this.
struct LargestDistance {
  double distance = 0;
  std::size_t first = 0, second = 0;  ///< the two items
  bool exact = true;                  ///< false: a lower bound
  std::size_t items = 0;              ///< of how many items every pair was compared
};

/// Every pair of a set of at most `most` items (0: 10,000 of up to 32 values, 2,000 of more); of a larger one every
/// pair of a random subset, and from its most distant pair on, the item of the whole set that is farthest from one end,
/// until no farther one is found: a lower bound that costs a few passes over the data. O(most^2 D).
LargestDistance largest_distance(const Dataset& set, std::uint64_t seed = 0, std::size_t most = 0);

/// What there is to know of a data set at a glance. Values are in model units.
struct Statistics {
  std::vector<std::size_t> class_counts;  ///< one a class
  double low = 0, high = 0, mean = 0, std = 0;
  double stored_low = 0, stored_high = 0;  ///< as the file has them: 8-bit levels of images, raw columns of tables
  std::size_t duplicates = 0;              ///< images that equal an earlier one; tables are not searched
  double largest_distance = 0;             ///< see LargestDistance
  std::size_t distance_items = 0;
  bool distance_is_estimate = false;
};

Statistics measure(const Dataset& set, std::uint64_t seed = 0);

}  // namespace scoresde
