#pragma once
#include <functional>
#include <optional>
#include <vector>

#include "engine/kernel.h"
#include "engine/tuning.h"
#include "net/graph.h"

namespace scoresde {

/// A network compiled for evaluation: steps in order, and where in memory everything lives. Read-only; any number of
/// threads may run it at once, each in memory of its own.
struct Plan {
  std::vector<KernelPtr> shared_steps;  ///< of the time label and the class alone
  std::vector<KernelPtr> steps;
  std::vector<int> step_nodes;  ///< for each of `steps` the node that it computes (of a chain the one with weights)
  Place input, output, label, class_label;  ///< label and class_label have no rows where the network has none
  Size shared_floats = 0;                   ///< of Run::shared
  Size floats_a_sample = 0;                 ///< of Run::memory, times the samples

  /// Floats of scratch memory for runs of `samples` samples.
  Size scratch(Size samples) const;
};

/// Weights of a graph's parameters, in their order.
using Weights = std::function<const float*(int parameter)>;

/// Compiles a network. Normalisation and SiLU behind it, convolution and the sums behind it become one step each;
/// members of a concatenation are written where they will be read; buffers share memory as soon as their values are no
/// longer needed. Error{usage} names an op that the engine does not have. `after_step` is called when the weights
/// looked up so far have been copied.
Plan compile(const Graph& graph, const Weights& weights, const Tuning& tuning = {},
             const std::function<void()>& after_step = {});

/// How many rows one thread takes through a network together: enough to use the weights well once they are in a cache,
/// few enough that the values of the rows do not drive them out again.
Size rows_together(const Graph& graph, Size floats_a_sample);

/// The first op of the graph that the engine has no kernel for.
std::optional<OpKind> op_without_kernel(const Graph& graph);

}  // namespace scoresde
