#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace scoresde {

/// What a node computes. A new kind touches three places: its shape rule (GraphBuilder), its evaluation with ATen
/// (nn/evaluate.cpp) and its kernel in the engine.
enum class OpKind {
  input,        ///< x, (C, H, W) or (D)
  label,        ///< the time label times `scale`, one number a sample: shape (1)
  class_label,  ///< class index a sample; -1: no class. Shape (1)
  linear,       ///< y = W x + b, (D) -> (out)
  conv,         ///< 2-D convolution, square kernel, stride, zero padding
  group_norm,   ///< (x - mean) / sqrt(var + scale) * weight + bias, statistics of a group of channels (biased var)
  silu,         ///< x / (1 + exp(-x))
  add,          ///< (a + b) * scale; b of shape (C) is added to every pixel of (C, H, W)
  concat,       ///< along channels
  attention,    ///< softmax(q k^T / sqrt(C / heads)) v over all pixels; inputs q, k, v of (C, H, W)
  upsample,     ///< nearest: y[i] = x[i / 2]; to 2n, or 2n - 1 where the mirror level was odd
  downsample,   ///< mean of 2 x 2; an odd edge is averaged over what is there
  global_mean,  ///< mean over all pixels, (C, H, W) -> (C)
  fourier,      ///< [sin, cos](2 pi W label), W a fixed parameter of d / 2 frequencies
  positional,   ///< [sin, cos](w_i label), w_i = scale^(-i / (d / 2 - 1)); an odd d ends with a zero
  embedding,    ///< a row of a table by class_label; the last row is "no class"
  dropout,      ///< training only: zero with probability `scale`, else x / (1 - scale); mask from the project's noise
  space_to_depth,  ///< (C, H, W) -> (C p^2, H / p, W / p): channel (c p + i) p + j is pixel (i, j) of each patch
  depth_to_space,  ///< its inverse
};

/// How a parameter starts. All draws come from Purpose::weights at the parameter's own index.
enum class Init { zeros, ones, variance_scaling, normal };

struct Parameter {
  std::string name;                 ///< the checkpoint's name, such as "down.0.block.1.conv0.weight"
  std::vector<std::int64_t> shape;  ///< convolutions (out, in, k, k); linear (out, in)
  Init init = Init::zeros;
  /// variance_scaling: U(+-sqrt(3 scale / fan)), fan = (fan_in + fan_out) / 2, where a scale of 0 means 1e-10 (Song et
  /// al. 2021, as in Ho et al. 2020); normal: standard deviation.
  double scale = 1;
  bool trainable = true;
};

struct Node {
  OpKind kind;
  std::string name = {};                 ///< for people: what its parameters are called, or the kind
  std::vector<int> inputs = {};          ///< indices of earlier nodes
  std::vector<int> parameters = {};      ///< indices into Graph::parameters: weight, then bias
  std::vector<std::int64_t> shape = {};  ///< of the result, without the sample axis
  int groups = 1, stride = 1, padding = 0, kernel = 1, heads = 1, patch = 1;
  double scale = 1;  ///< label, add: factor; group_norm: epsilon; dropout: rate; positional: the largest period / 2 pi
};

/// A network as data: nodes in an order in which each comes after its inputs, and named, shaped parameters.
struct Graph {
  std::vector<Parameter> parameters;
  std::vector<Node> nodes;  ///< the last one is the output
  std::vector<std::int64_t> input_shape;
  int classes = 0;  ///< classes the network is conditioned on; 0: it takes no class label

  const std::vector<std::int64_t>& output_shape() const { return nodes.back().shape; }

  std::int64_t parameter_count() const;

  /// Multiply-adds of one sample's forward pass: convolutions, linear maps and attention.
  std::int64_t multiply_adds() const;
};

/// "conv", as the enumerator is called.
std::string_view kind_name(OpKind kind);

/// Number of elements of a shape.
std::int64_t element_count(const std::vector<std::int64_t>& shape);

}  // namespace scoresde
