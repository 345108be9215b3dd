#pragma once
#include <memory>
#include <span>
#include <vector>

#include "net/graph.h"
#include "nn/tensor.h"

namespace scoresde {

/// A network of rows (linear maps, silu, sums, embeddings; no images), its weights packed, evaluated in blocks of rows.
/// Row i is the same bits in any block: every output is one chain of float32 multiplications and additions, in an order
/// that the network alone fixes, and blocks only run such chains side by side. What depends on the time label and
/// class alone is computed once for a block whose labels are all the same.
class DenseNetwork {
 public:
  /// Nothing where the graph has an op that is not a row's, or parameters that are not float32 on the CPU.
  static std::shared_ptr<const DenseNetwork> compile(const Graph& graph, std::span<const at::Tensor> parameters);

  /// Rows one call takes at most.
  static constexpr int block = 64;

  int inputs() const { return steps_.front().width; }
  int outputs() const { return steps_.back().width; }

  /// `label.size()` rows: out = network(x, label), where out is given, and pulled[k] = J^T v[k] with J = d network / d
  /// x. x and pulled have inputs(), out and v outputs() values a row. class_label -1: no class.
  void evaluate(const float* x, std::span<const float> label, int class_label, float* out,
                std::span<const float* const> v = {}, std::span<float* const> pulled = {}) const;

 private:
  /// One node. Rows of values are padded to whole vectors with zeros.
  struct Step {
    OpKind kind;
    int a = -1, b = -1;         ///< nodes read
    int width = 0, padded = 0;  ///< of a row
    bool of_label = true;       ///< depends on label and class alone
    double scale = 1;
    std::vector<float> forward, backward,
        bias;  ///< linear: (in, out) and (out, in) padded; fourier, embedding: a table
  };
  struct Values;

  void run(Values& values, const float* x, std::span<const float> label, int class_label) const;
  void run_step(Values& values, std::size_t index, std::span<const float> label, int class_label) const;
  void pull_back(Values& values, const float* v, std::size_t rows, float* pulled) const;
  void pull_back_step(Values& values, std::size_t index) const;

  std::vector<Step> steps_;
};

}  // namespace scoresde
