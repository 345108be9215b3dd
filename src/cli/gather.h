#pragma once
#include <functional>
#include <memory>
#include <string>

#include "core/config.h"
#include "core/file.h"
#include "features/features.h"
#include "metrics/frechet.h"

namespace scoresde {

/// Items first .. first + count - 1 of something that has them by number, in the units in which they are compared.
using ItemSource = std::function<Batch(std::size_t first, std::size_t count)>;

/// Metrics of pairs of rows look at this many at most.
inline constexpr std::size_t kMostPairRows = 5000;

/// What evaluation keeps of any number of items: they pass in shards and only their features stay.
struct Gathered {
  std::unique_ptr<GroupedMoments> moments;  ///< of all; null where not asked for
  Batch rows;                               ///< features of the first kMostPairRows, as float32
};

struct GatherPlan {
  std::size_t n = 0;
  bool moments = true;
  bool quiet = false;
  std::string label = "evaluating";
  /// A folder in which finished shards wait for the rest: an interrupted evaluation goes on there, and the processes of
  /// RANK and WORLD_SIZE share it. Empty: none.
  fs::path work = {};
  Json identity = {};  ///< of what is evaluated; a folder of something else is refused
};

/// Features of plan.n items, the same numbers with and without a work folder and for any number of ranks. Ranks other
/// than 0 do their shards and get nothing (rows of 0 x 0). Error{usage} for ranks without a work folder.
Gathered gather(const ItemSource& items, const FeatureSpace& space, const GatherPlan& plan);

/// RANK and WORLD_SIZE as torchrun and mpirun's wrappers set them; 0 and 1 where they are not. Error{usage} for
/// anything else.
struct Rank {
  std::size_t index = 0, world = 1;
};
Rank rank_of_environment();

}  // namespace scoresde
