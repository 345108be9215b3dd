#pragma once
#include <map>
#include <span>
#include <string>
#include <vector>

#include "core/noise.h"
#include "core/safetensors.h"
#include "net/model.h"
#include "nn/tensor.h"

namespace scoresde {

/// What a forward pass needs beside x.
struct ForwardOptions {
  bool training = false;   ///< dropout on
  std::uint64_t seed = 0;  ///< of the dropout masks
  std::uint32_t step = 0;  ///< training step: masks are a pure function of (seed, sample, step, node)
  std::span<const std::uint64_t> samples = {};  ///< global sample ids, for the masks
};

/// A graph evaluated with ATen under autograd. The one place where parameters live during training.
class Network {
 public:
  /// Parameters drawn from the project's own noise: a function of (graph, seed) alone. dtype: at::kFloat or
  /// at::kDouble.
  Network(Graph graph, std::uint64_t seed, at::ScalarType dtype = at::kFloat);

  /// x: (B, C, H, W) or (B, D); label: (B); class_label: (B) int64 with -1 for "no class", or undefined.
  at::Tensor forward(const at::Tensor& x, const at::Tensor& label, const at::Tensor& class_label = {},
                     const ForwardOptions& options = {}) const;

  const Graph& graph() const { return graph_; }

  /// One tensor a Graph::parameters entry, in its order; leaves that require gradients where trainable.
  std::vector<at::Tensor>& parameters() { return parameters_; }
  const std::vector<at::Tensor>& parameters() const { return parameters_; }

  /// Copies of all parameters by name, and back. load() is Error{data} with a readable diff of names and shapes.
  std::map<std::string, Tensor> state() const;
  void load(const std::map<std::string, Tensor>& state);

  /// Moves the parameters; x and labels have to be there too.
  void to(at::Device device);

 private:
  Graph graph_;
  std::vector<at::Tensor> parameters_;
};

/// Error{usage} where x, label or class_label have another shape than the graph wants.
void check_inputs(const Graph& graph, const at::Tensor& x, const at::Tensor& label, const at::Tensor& class_label);

/// One forward pass of a graph with the given parameters (weights, EMA, a perturbed copy). Errors as check_inputs.
at::Tensor evaluate(const Graph& graph, std::span<const at::Tensor> parameters, const at::Tensor& x,
                    const at::Tensor& label, const at::Tensor& class_label, const ForwardOptions& options);

/// The raw output F of a score model's graph, in the form of x: evaluate(), and -df/dx where the graph is an energy f.
/// Differentiable in x and the parameters where gradients are on (of an energy by double backward).
at::Tensor raw_output(const Graph& graph, std::span<const at::Tensor> parameters, const at::Tensor& x,
                      const at::Tensor& label, const at::Tensor& class_label, const ForwardOptions& options);

/// The weights of a model in the order of its graph's parameters, as float32.
std::vector<at::Tensor> parameters_of(const Model& model, at::Device device = at::kCPU);

/// Any float tensor as a contiguous float32 or float64 one of the project, and back (on the CPU).
Tensor to_tensor(const at::Tensor& value);
at::Tensor from_tensor(const Tensor& value, at::ScalarType dtype);

}  // namespace scoresde
