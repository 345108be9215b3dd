#pragma once
#include <memory>
#include <span>
#include <vector>

#include "nn/network.h"

namespace scoresde {

class Differentiator;

/// A graph evaluated by the engine under autograd: the output of evaluate() and its first derivatives in x and in the
/// parameters, to some 1e-5 of their size, several times as fast. Float32 on the CPU. A second derivative is
/// Error{run}. One call at a time; passes whose derivative is still to come may overlap, each in memory of its own.
class EngineNetwork {
 public:
  /// Whether the engine has every op of the graph, and its derivative.
  static bool serves(const Graph& graph);

  EngineNetwork(const Graph& graph, int threads);

  /// What a pass of so many rows holds in memory, in bytes; the weights themselves not counted.
  static double memory_bytes(const Graph& graph, double rows, int threads);

  /// As evaluate(); the label has no derivative.
  at::Tensor operator()(std::span<const at::Tensor> parameters, const at::Tensor& x, const at::Tensor& label,
                        const at::Tensor& class_label, const ForwardOptions& options);

 private:
  struct Pass {
    bool of_x;
    std::shared_ptr<Differentiator> network;
  };

  std::shared_ptr<Differentiator> idle(bool of_x);

  const Graph& graph_;
  int threads_;
  std::vector<Pass> passes_;
};

}  // namespace scoresde
