#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "core/workers.h"
#include "engine/gradient_plan.h"
#include "net/graph.h"

namespace scoresde {

/// Where the masks of dropout come from, as in nn/evaluate.cpp: that of row i at node n is simd::dropout_mask() of the
/// stream (seed; dropout, samples[i], step, draw n).
struct DropoutNoise {
  std::uint64_t seed = 0;
  std::uint32_t step = 0;
  std::span<const std::uint64_t> samples;  ///< an id a row
};

/// Rows for a network, in float32. Every row has a time label of its own.
struct NetworkRows {
  Size count = 0;
  const float* x = nullptr;               ///< count x (C, H, W), or count x D
  const float* label = nullptr;           ///< count; ignored by a network that takes none
  const int* classes = nullptr;           ///< count, -1: no class; null: no class for all
  const DropoutNoise* dropout = nullptr;  ///< null: none is dropped
};

/// A network with its gradients by reverse mode, without LibTorch: J^T v with respect to x and, where wanted, the
/// gradient of every parameter. Compiled once; weights may change at any time. A row's output and its gradient with
/// respect to x are the same bits at any batch size and number of threads; gradients of parameters are sums over rows
/// in an order that the batch size and the number of threads fix. One call at a time.
class Differentiator {
 public:
  /// Error{usage} names an op that has no gradient. Memory is allocated by the first call of a batch size and kept.
  Differentiator(const Graph& graph, Derivatives wanted, int threads);
  ~Differentiator();

  /// One pointer a parameter, in the graph's order and as a checkpoint has it; they must stay valid while used.
  void set_weights(std::span<const float* const> weights);

  /// out: count x the network's output. What backward() needs is kept until the next call.
  void forward(const NetworkRows& rows, float* out);

  /// After forward(), of the same rows: d_x = J^T d_out (null: not wanted), and d_parameters[i] becomes the gradient of
  /// parameter i (empty: none wanted; null: not this one; zero for one that is not trainable or not used).
  /// Once after a forward(), but again and again with other d_out where the network was compiled without parameters.
  void backward(const float* d_out, float* d_x, std::span<float* const> d_parameters = {});

  /// Fills d_out of rows [first, first + count) from their `out`: a loss's derivative. Called by several threads.
  using Slope = std::function<void(Size first, Size count, const float* out, float* d_out)>;

  /// Both at once, some rows at a time: memory for a few rows serves any batch. out may be null.
  void forward_backward(const NetworkRows& rows, const Slope& slope, float* out, float* d_x,
                        std::span<float* const> d_parameters = {});

  const Graph& graph() const { return graph_; }

  /// Rows that all threads work on at once: a forward() of more needs more memory without being any quicker.
  Size rows_at_once() const { return samples_at_once_ * static_cast<Size>(pool_.workers()); }

 private:
  struct Memory;
  struct Worker;
  struct Chunk {
    Size first, count;
  };
  using ChunkTask = std::function<void(const Chunk& chunk, std::size_t index, std::size_t worker)>;

  void start(const NetworkRows& rows, std::size_t memories);
  void each_chunk(const ChunkTask& task);
  Run run_of(const Chunk& chunk, std::size_t memory, std::size_t worker) const;
  void forward_chunk(const NetworkRows& rows, const Chunk& chunk, const Run& run, float* out,
                     std::span<float> mask_values) const;
  void backward_chunk(const Run& run, const float* d_out, float* d_x) const;
  Size input_size() const { return plan_.input.rows * plan_.input.channels; }
  Size output_size() const { return plan_.output.rows * plan_.output.channels; }
  void clear_sums();
  void collect_parameters(std::span<float* const> d_parameters);

  Graph graph_;
  GradientPlan plan_;
  mutable WorkerPool pool_;
  Size samples_at_once_ = 1;
  std::vector<Chunk> chunks_;  // of the present rows
  std::vector<std::unique_ptr<Memory>> memories_;
  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace scoresde
