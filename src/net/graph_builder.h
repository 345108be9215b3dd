#pragma once
#include <string>
#include <vector>

#include "net/graph.h"

namespace scoresde {

/// Writes a Graph op by op. Every method checks the shapes it is given, infers the shape of its result, adds named
/// parameters where the op has them, and returns the index of the new node.
/// Error{usage} names the op and the shapes that do not fit.
class GraphBuilder {
 public:
  /// input_shape: (C, H, W) or (D). classes: of class_label(), 0 where the network has none.
  explicit GraphBuilder(std::vector<std::int64_t> input_shape, int classes = 0);

  int input() const { return 0; }
  int label(double scale = 1);
  int class_label();

  /// init_scale: Parameter::scale of the weight; 0 means nearly zero, so that a residual branch starts as the identity.
  int linear(const std::string& name, int x, std::int64_t out, double init_scale = 1);
  /// Zero padding kernel / 2: the size stays at stride 1.
  int conv(const std::string& name, int x, std::int64_t out, int kernel = 3, double init_scale = 1, int stride = 1);
  /// Weights that start at exactly zero: for the last layer.
  int zero_linear(const std::string& name, int x, std::int64_t out);
  int zero_conv(const std::string& name, int x, std::int64_t out, int kernel = 3);
  /// The largest number of groups that divides C and is at most min(C / 4, 32); epsilon 1e-6 (Song et al. 2021).
  int group_norm(const std::string& name, int x);

  int silu(int x);
  int add(int a, int b, double scale = 1);
  int concat(int a, int b);
  int attention(int q, int k, int v, int heads = 1);
  /// To the height and width of the mirror level, each 2n or 2n - 1.
  int upsample(int x, std::int64_t height, std::int64_t width);
  int downsample(int x);
  int global_mean(int x);
  int dropout(int x, double rate);  ///< x itself where the rate is 0
  int space_to_depth(int x, int patch);
  int depth_to_space(int x, int patch);

  /// scale: standard deviation of the frequencies.
  int fourier(const std::string& name, int label, std::int64_t dimension, double scale);
  int positional(int label, std::int64_t dimension, double largest = 10000);
  int embedding(const std::string& name, int class_label, std::int64_t dimension);

  const std::vector<std::int64_t>& shape(int node) const {
    return graph_.nodes.at(static_cast<std::size_t>(node)).shape;
  }
  std::int64_t channels(int node) const { return shape(node).at(0); }

  /// The graph whose output is the last node added.
  Graph finish() && { return std::move(graph_); }

 private:
  int push(Node node);
  int parameter(std::string name, std::vector<std::int64_t> shape, Init init, double scale, bool trainable = true);
  int linear_node(const std::string& name, int x, std::int64_t out, Init init, double scale);
  int conv_node(const std::string& name, int x, std::int64_t out, int kernel, int stride, Init init, double scale);
  void require_rank(std::string_view op, int x, std::size_t rank) const;

  Graph graph_;
};

}  // namespace scoresde
