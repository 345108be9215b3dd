#pragma once
#include <optional>
#include <string>
#include <vector>

#include "exchange/foreign_weights.h"
#include "net/graph.h"

namespace scoresde {

/// What names and shapes say about one of score_sde's RefineNets.
struct RefineNetFacts {
  std::string name;  ///< "ncsnv2", or "ncsn" where the norms have a row for each noise level
  std::int64_t channels = 0, image_channels = 0, levels = 0;  ///< levels: 0 where the norms have none
};

/// Nothing where the names are not of that kind.
std::optional<RefineNetFacts> read_refinenet(const ForeignWeights& weights);

/// What flax calls each parameter of an ncsnv2 graph, such as "RefineBlock_2.RCUBlock_0.Conv_3.kernel": modules are
/// numbered by class inside the module that makes them, in the order of the calls. Empty for other graphs.
std::vector<std::string> flax_refinenet_names(const Graph& graph);

}  // namespace scoresde
