#pragma once
#include <memory>
#include <optional>
#include <vector>

#include "core/workers.h"
#include "engine/plan.h"
#include "engine/weights.h"
#include "net/model.h"

namespace scoresde {

/// A trained network, compiled once and evaluated in float32 without LibTorch. Row i of a result is the same bits at
/// any batch size, order of rows and number of threads, and agrees with LibTorch to some 1e-5 of the output's size.
class Engine {
 public:
  /// Error{usage} names an op that has no kernel; Error{data} weights that do not fit.
  Engine(const ModelSpec& spec, const std::map<std::string, Tensor>& weights, int threads, const Tuning& tuning = {});
  Engine(const Graph& graph, const std::map<std::string, Tensor>& weights, int threads, const Tuning& tuning = {});
  Engine(Graph graph, FloatWeights weights, int threads, const Tuning& tuning = {});
  ~Engine();

  /// The network's raw output for rows x (C, H, W flattened, or D values), one time label a row. class_index: for all
  /// rows; none: "no class".
  Batch operator()(const Batch& x, const Times& label, std::optional<int> class_index = {}) const;

  const Graph& graph() const { return graph_; }

  /// Where the time of an evaluation goes: seconds of every node of the graph (0 where its work is part of another's),
  /// by one thread, for rows of one time label; at most rows_at_once() of them.
  std::vector<double> node_seconds(const Batch& x, double label) const;
  Index rows_at_once() const { return samples_at_once_; }

 private:
  struct Memory;
  struct Chunk;
  struct Task;

  std::vector<Chunk> chunks_of(const Times& label) const;
  void compute_shared(Memory& memory, double label, int class_index) const;
  void fill(const Run& run, const Batch& x, Index first) const;
  void collect(const Run& run, Index first, Batch& result) const;
  void evaluate(const Chunk& chunk, Memory& memory, const Task& task) const;
  void evaluate_together(const Chunk& chunk, const Task& task) const;

  Graph graph_;
  Plan plan_;
  Index samples_at_once_ = 1;
  mutable WorkerPool workers_;
  std::vector<std::unique_ptr<Memory>> memories_;  // one a worker
};

}  // namespace scoresde
