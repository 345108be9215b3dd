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
  label,        ///< scale * L + offset, L the time label or (`log`) its logarithm, one number a sample: shape (1)
  class_label,  ///< class index a sample; -1: no class. Shape (1)
  linear,       ///< y = W x + b, (D) -> (out)
  conv,         ///< 2-D convolution, square kernel, stride, dilation, zero padding before and after; bias or none
  nin,          ///< 1 x 1 convolution with the weight as (in, out), as in Ho et al.'s "network in network"
  group_norm,   ///< (x - mean) / sqrt(var + scale) * weight + bias, statistics of a group of channels (biased var)
  instance_norm_plus,  ///< gamma (IN(x) + alpha z_c) + beta: see GraphBuilder::instance_norm_plus
  modulate,            ///< (1 + s) x + t by channel, [s, t] of each sample: x of (C, H, W), [s, t] of (2 C)
  silu,                ///< x / (1 + exp(-x))
  elu,                 ///< x where x > 0, else exp(x) - 1
  leaky_relu,          ///< x where x > 0, else scale * x
  add,                 ///< (a + b) * scale; b of shape (C) is added to every pixel of (C, H, W)
  concat,              ///< along channels
  attention,           ///< softmax(q k^T / sqrt(C / heads)) v over all pixels; inputs q, k, v of (C, H, W)
  upsample,            ///< nearest: y[i] = x[i / 2]; to 2n, or 2n - 1 where the mirror level was odd
  downsample,          ///< mean of 2 x 2; an odd edge is averaged over what is there
  bilinear,            ///< to H x W by bilinear interpolation: see GraphBuilder::bilinear
  fir,                 ///< zeros put in, filtered, thinned out: see GraphBuilder::fir
  max_pool,            ///< maximum over kernel x kernel at stride 1; nothing beyond the edge counts
  global_mean,         ///< mean over all pixels, (C, H, W) -> (C)
  divide_exp,          ///< x / exp(s), s one number a sample
  fourier,             ///< [sin, cos](2 pi W label), W a fixed parameter of d / 2 frequencies
  positional,          ///< [sin, cos](w_i label), w_i = scale^(-i / (d / 2 - 1)); an odd d ends with a zero
  level,               ///< the whole number nearest to a label, held within 0 .. scale. Shape (1)
  embedding,  ///< the row of a table that class_label or level names; the last row of a class table is "no class"
  dropout,    ///< training only: zero with probability `scale`, else x / (1 - scale); mask from the project's noise
  space_to_depth,  ///< (C, H, W) -> (C p^2, H / p, W / p): channel (c p + i) p + j is pixel (i, j) of each patch
  depth_to_space,  ///< its inverse
};

/// How a parameter starts. All draws come from Purpose::weights at the parameter's own index.
enum class Init {
  zeros,
  ones,
  variance_scaling,
  normal,
  uniform,    ///< U(+-scale)
  near_one,   ///< N(1, scale^2)
  norm_table  ///< near_one, but the last third of every row is 0: rows [gamma, alpha, beta] of instance_norm_plus
};

struct Parameter {
  std::string name;                 ///< the checkpoint's name, such as "down.0.block.1.conv0.weight"
  std::vector<std::int64_t> shape;  ///< convolutions (out, in, k, k); linear (out, in)
  Init init = Init::zeros;
  /// variance_scaling: U(+-sqrt(3 scale / fan)), fan = (fan_in + fan_out) / 2, where a scale of 0 means 1e-10 (Song et
  /// al. 2021, as in Ho et al. 2020); normal, near_one, norm_table: standard deviation; uniform: bound.
  double scale = 1;
  bool trainable = true;
};

struct Node {
  OpKind kind;
  std::string name = {};                 ///< for people: what its parameters are called, or the kind
  std::vector<int> inputs = {};          ///< indices of earlier nodes
  std::vector<int> parameters = {};      ///< indices into Graph::parameters: weight, then bias
  std::vector<std::int64_t> shape = {};  ///< of the result, without the sample axis
  int groups = 1, stride = 1, padding = 0, padding_after = 0, dilation = 1, kernel = 1, heads = 1, patch = 1, up = 1;
  /// label, add: factor; norms: epsilon; dropout: rate; positional: the largest period / 2 pi; leaky_relu: slope;
  /// level: the largest.
  double scale = 1;
  double offset = 0;              ///< label
  bool log = false;               ///< label
  std::vector<double> taps = {};  ///< fir
  bool jax = false;               ///< instance_norm_plus, bilinear: as in JAX's version of Song et al. (2021)
};

/// A network as data: nodes in an order in which each comes after its inputs, and named, shaped parameters.
struct Graph {
  std::vector<Parameter> parameters;
  std::vector<Node> nodes;  ///< the last one is the output
  std::vector<std::int64_t> input_shape;
  int classes = 0;      ///< classes the network is conditioned on; 0: it takes no class label
  bool energy = false;  ///< the output is one number f a sample, and the raw output F of the score model is -grad f

  const std::vector<std::int64_t>& output_shape() const { return nodes.back().shape; }

  /// Whether it is a score model: F has the form of x.
  bool gives_score() const { return energy || output_shape() == input_shape; }

  std::int64_t parameter_count() const;

  /// Multiply-adds of one sample's forward pass: convolutions, linear maps and attention.
  std::int64_t multiply_adds() const;
};

/// "conv", as the enumerator is called.
std::string_view kind_name(OpKind kind);

/// Number of elements of a shape.
std::int64_t element_count(const std::vector<std::int64_t>& shape);

}  // namespace scoresde
