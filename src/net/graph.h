#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/batch.h"
#include "core/config.h"

namespace scoresde {

/// What a node computes. A new kind touches three places: its shape rule (graph.cpp), its evaluation with ATen
/// (nn/evaluate.cpp) and its kernel in the engine.
enum class OpKind {
  input,         ///< x, (C, H, W) or (D)
  label,         ///< the time label, one number a sample
  class_label,   ///< class index a sample; -1: no class
  linear,        ///< y = W x + b on the last axis of (D)
  conv,          ///< 2-D convolution, square kernel, stride, zero padding
  group_norm,
  silu,
  add,           ///< (a + b) * scale; b of shape (C) is added to every pixel of (C, H, W)
  concat,        ///< along channels
  attention,     ///< softmax(q k^T / sqrt(d)) v over all pixels; inputs q, k, v of (C, H, W); `heads`
  upsample,      ///< nearest, factor 2; or to (height, width) where the mirror level is odd
  downsample,    ///< mean of 2 x 2, an odd edge averaged over what is there
  fourier,       ///< [sin, cos](2 pi W label), W fixed
  positional,    ///< [sin, cos] of the label at dimension / 2 frequencies from 1 to 1e-4
  embedding,     ///< a row of a table by class_label; row n_classes is "no class"
  dropout,       ///< training only, mask from the project's noise
  space_to_depth,///< (C, H, W) -> (C p^2, H/p, W/p)
  depth_to_space,
};

/// How a parameter starts. All draws come from Purpose::weights at the parameter's own index.
enum class Init { zeros, ones, variance_scaling, normal };

struct Parameter {
  std::string name;                  ///< the checkpoint's name
  std::vector<std::int64_t> shape;   ///< convolutions (out, in, k, k); linear (out, in)
  Init init = Init::zeros;
  double scale = 1;                  ///< variance_scaling: fan_avg uniform U(+-sqrt(3 scale / fan)), 0 means 1e-10; normal: std
  bool trainable = true;
};

struct Node {
  OpKind kind;
  std::vector<int> inputs;           ///< indices of earlier nodes
  std::vector<int> parameters;       ///< indices into Graph::parameters
  std::vector<std::int64_t> shape;   ///< of the result, without the sample axis
  int groups = 1, stride = 1, padding = 0, kernel = 1, heads = 1;
  double scale = 1;                  ///< add: factor; group_norm: epsilon; dropout: rate; positional: the largest period
};

/// A network as data: nodes in an order in which each comes after its inputs, and named, shaped parameters.
struct Graph {
  std::vector<Parameter> parameters;
  std::vector<Node> nodes;           ///< the last one is the output
  std::vector<std::int64_t> input_shape;
  int classes = 0;

  std::int64_t parameter_count() const;
  /// Multiply-adds of one sample's forward pass, convolutions, linear maps and attention.
  std::int64_t multiply_adds() const;
};

}  // namespace scoresde
