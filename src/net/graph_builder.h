#pragma once
#include <string>
#include <vector>

#include "net/graph.h"

namespace scoresde {

/// The form of a convolution.
struct ConvForm {
  int kernel = 3, stride = 1, dilation = 1;
  int before = -1, after = -1;  ///< zeros put before and after each axis; negative: dilation * (kernel / 2)
  bool bias = true;
  Init init = Init::variance_scaling;
  double scale = 1;  ///< of the weight's initialisation
  Init bias_init = Init::zeros;
  double bias_scale = 0;
};

/// Writes a Graph op by op. Every method checks the shapes it is given, infers the shape of its result, adds named
/// parameters where the op has them, and returns the index of the new node.
/// Error{usage} names the op and the shapes that do not fit.
class GraphBuilder {
 public:
  /// input_shape: (C, H, W) or (D). classes: of class_label(), 0 where the network has none.
  explicit GraphBuilder(std::vector<std::int64_t> input_shape, int classes = 0);

  int input() const { return 0; }
  /// scale * L + offset, with L the time label or its logarithm.
  int label(double scale = 1, double offset = 0, bool log = false);
  int class_label();

  /// init_scale: Parameter::scale of the weight; 0 means nearly zero, so that a residual branch starts as the identity.
  int linear(const std::string& name, int x, std::int64_t out, double init_scale = 1);
  /// Zero padding kernel / 2: the size stays at stride 1.
  int conv(const std::string& name, int x, std::int64_t out, int kernel = 3, double init_scale = 1, int stride = 1);
  /// Weights that start at exactly zero: for the last layer.
  int zero_linear(const std::string& name, int x, std::int64_t out);
  int zero_conv(const std::string& name, int x, std::int64_t out, int kernel = 3);
  int conv(const std::string& name, int x, std::int64_t out, const ConvForm& form);
  /// 1 x 1 convolution with parameters `name`.W (in, out) and `name`.b.
  int nin(const std::string& name, int x, std::int64_t out, double init_scale = 1);
  /// The largest number of groups that divides C and is at most `most`, 0: min(C / 4, 32) (Song et al. 2021).
  /// Epsilon 1e-6.
  int group_norm(const std::string& name, int x, int most = 0);

  /// InstanceNorm++ of Song & Ermon (2019, app. A): gamma ((x - m_c) / sqrt(v_c + eps) + alpha z_c) + beta with m_c and
  /// v_c the mean and the (biased) variance of channel c over its pixels, z_c = (m_c - mean m) / sqrt(var m + eps) over
  /// the channels with the unbiased variance as in PyTorch's implementations, or (`jax`) the biased one, eps 1e-5.
  /// Parameters `name`.alpha, gamma, beta.
  int instance_norm_plus(const std::string& name, int x, bool jax = false);
  /// The same with [gamma, alpha, beta] of each sample in a node of shape (3 C).
  int instance_norm_plus(int x, int affine, bool jax = false);

  /// (1 + s) x + t by channel with [s, t] of each sample in a node of shape (2 C): behind group_norm, adaptive group
  /// normalisation (Dhariwal & Nichol 2021, sec. 3.1).
  int modulate(int x, int scale_shift);

  int silu(int x);
  int elu(int x);
  int leaky_relu(int x, double slope);  ///< slope 0: ReLU
  int add(int a, int b, double scale = 1);
  int concat(int a, int b);
  int attention(int q, int k, int v, int heads = 1);
  /// To the height and width of the mirror level, each 2n or 2n - 1.
  int upsample(int x, std::int64_t height, std::int64_t width);
  int downsample(int x);
  /// Bilinear interpolation to height x width: the corner pixels on the corners ("align_corners"), or (`jax`) as
  /// jax.image.resize enlarges, pixel i at (i + 1/2) in / out - 1/2, held within the image.
  int bilinear(int x, std::int64_t height, std::int64_t width, bool jax = false);
  /// Along each axis: `up` - 1 zeros after every value, `before` and `after` zeros at the ends, convolution with the
  /// taps scaled to the sum `up`, and of the result every `down`-th value (upfirdn2d of Karras et al. 2020).
  int fir(int x, const std::vector<double>& taps, int up, int down, int before, int after);
  /// kernel odd; the size stays.
  int max_pool(int x, int kernel);
  int global_mean(int x);
  int divide_exp(int x, int exponent);  ///< exponent: of shape (1), such as ln sigma of each sample
  int dropout(int x, double rate);      ///< x itself where the rate is 0
  int space_to_depth(int x, int patch);
  int depth_to_space(int x, int patch);

  /// scale: standard deviation of the frequencies, the fixed parameter `name` + `suffix`.
  int fourier(const std::string& name, int label, std::int64_t dimension, double scale,
              const std::string& suffix = ".weight");
  int positional(int label, std::int64_t dimension, double largest = 10000);
  int embedding(const std::string& name, int class_label, std::int64_t dimension);
  /// The row of a (levels, 3 C) table for the level nearest to `label`, for instance_norm_plus.
  int level_embedding(const std::string& name, int label, int levels, std::int64_t channels);

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
  void require_rank(std::string_view op, int x, std::size_t rank) const;

  Graph graph_;
};

}  // namespace scoresde
