#pragma once
#include "core/config.h"
#include "net/graph.h"

namespace scoresde {

/// A network as JSON, for programs that evaluate it themselves with the weights of the same checkpoint: its inputs'
/// shape, its parameters (name, shape) and its nodes in order, each with the settings of its kind (OpKind, Node) that
/// are not their defaults. docs/checkpoints.md describes the format.
Json graph_json(const Graph& graph);

}  // namespace scoresde
