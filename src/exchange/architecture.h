#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/item_shape.h"
#include "exchange/foreign_weights.h"
#include "net/net_config.h"

namespace scoresde {

/// The arrays of a file by the names of a graph's parameters, with the graph's axes. Nothing where names or shapes do
/// not fit one to one.
using ArrangedArrays = std::map<std::string, ArrayView>;
std::optional<ArrangedArrays> arrange(const Graph& graph, const std::vector<NamedArray>& arrays, bool flax);

/// What is known of a network beforehand: `weak` settings (a preset's) yield to what the file determines, `strong` ones
/// (the user's own) do not. Both are tables of NetConfig's settings.
struct NetHints {
  Json weak = Json::object(), strong = Json::object();
  int height = 0, width = 0;  ///< 0: unknown
};

/// A network that fits a file.
struct NetMatch {
  NetConfig config;
  ItemShape shape;
};

/// The network of score_sde (ncsnpp, ddpm) to which the arrays belong: channels, channel_mult, blocks, resblock,
/// attention, embedding, pyramids and, where there are filtered convolutions, fir follow from names and shapes; size,
/// nonlinearity, skip_rescale, scale_by_sigma come from the hints. Nothing where the names are not of that kind.
/// Error{data} where they are and nothing fits: what was found, and a diff to the nearest candidate.
std::optional<NetMatch> infer_network(const ForeignWeights& weights, const NetHints& hints, const std::string& where);

}  // namespace scoresde
