#include <algorithm>
#include <cmath>
#include <vector>

#include "core/error.h"
#include "net/builders.h"
#include "net/song_modules.h"

namespace scoresde {
namespace {

// A stage of two residual blocks; `down` with a dilation keeps the size and widens the view instead.
struct Stage {
  const char *residual, *refine;
  int width;
  bool down;
  int dilation;
};

// By image size, as ermongroup/ncsnv2 chooses: below 96, to 128, above.
const std::vector<Stage>& stages(int size) {
  static const std::vector<Stage> small = {{"res1", "refine4", 1, false, 1},
                                           {"res2", "refine3", 2, true, 1},
                                           {"res3", "refine2", 2, true, 2},
                                           {"res4", "refine1", 2, true, 4}};
  static const std::vector<Stage> middle = {{"res1", "refine5", 1, false, 1},
                                            {"res2", "refine4", 2, true, 1},
                                            {"res3", "refine3", 2, true, 1},
                                            {"res4", "refine2", 4, true, 2},
                                            {"res5", "refine1", 4, true, 4}};
  static const std::vector<Stage> large = {{"res1", "refine5", 1, false, 1}, {"res2", "refine4", 2, true, 1},
                                           {"res3", "refine3", 2, true, 1},  {"res31", "refine31", 2, true, 1},
                                           {"res4", "refine2", 4, true, 2},  {"res5", "refine1", 4, true, 4}};
  return size < 96 ? small : size <= 128 ? middle : large;
}

class RefineNet {
 public:
  RefineNet(GraphBuilder& b, const NetConfig& config) : b_(b), config_(config), by_level_(config.name == "ncsn") {
    if (by_level_) level_ = level_label(b, config);
  }

  void write(const std::vector<Stage>& plan);

 private:
  std::int64_t width(const Stage& stage) const { return std::int64_t{config_.channels} * stage.width; }
  int act(int x) const { return activation(b_, config_, x); }

  // PyTorch's initialisation of a convolution: U(+-1 / sqrt(fan in)), its bias included.
  int conv(const std::string& name, int x, std::int64_t out, bool bias, int kernel = 3, int dilation = 1) const {
    const double bound = 1 / std::sqrt(static_cast<double>(b_.channels(x) * kernel * kernel));
    return b_.conv(name, x, out,
                   {.kernel = kernel,
                    .dilation = dilation,
                    .bias = bias,
                    .init = Init::uniform,
                    .scale = bound,
                    .bias_init = Init::uniform,
                    .bias_scale = bound});
  }

  int norm(const std::string& name, int x) const {
    if (!by_level_) return b_.instance_norm_plus(name, x, config_.jax_layers);
    const int affine = b_.level_embedding(name + ".embed", level_, config_.levels, b_.channels(x));
    return b_.instance_norm_plus(x, affine, config_.jax_layers);
  }

  int residual(const std::string& name, int x, std::int64_t out, bool down, int dilation) const;
  int units(const std::string& name, int x, int blocks) const;
  int pool_chain(const std::string& name, int x) const;
  int refine(const std::string& name, const std::vector<int>& xs, std::int64_t out, bool last) const;

  GraphBuilder& b_;
  const NetConfig& config_;
  bool by_level_;  ///< InstanceNorm++ with parameters of each noise level
  int level_ = -1;
};

int RefineNet::residual(const std::string& name, int x, std::int64_t out, bool down, int dilation) const {
  const bool pools = down && dilation == 1, changes = down || b_.channels(x) != out;
  const auto half = [&](const std::string& layer, int h, int kernel) {
    return b_.downsample(conv(name + layer + ".conv", h, out, true, kernel));
  };
  int h = act(norm(name + ".normalize1", x));
  h = conv(name + ".conv1", h, down ? b_.channels(x) : out, true, 3, dilation);
  h = act(norm(name + ".normalize2", h));
  h = pools ? half(".conv2", h, 3) : conv(name + ".conv2", h, out, true, 3, dilation);
  if (pools)
    x = half(".shortcut", x, 1);
  else if (changes)
    x = conv(name + ".shortcut", x, out, true, dilation > 1 ? 3 : 1, dilation);
  return b_.add(x, h);
}

// Residual convolution units: x + conv(act(conv(act(x)))), `blocks` times.
int RefineNet::units(const std::string& name, int x, int blocks) const {
  for (int i = 1; i <= blocks; ++i) {
    int h = x;
    for (int j = 1; j <= 2; ++j) {
      const std::string layer = name + "." + std::to_string(i) + "_" + std::to_string(j);
      if (by_level_) h = norm(layer + "_norm", h);
      h = conv(layer + "_conv", act(h), b_.channels(x), false);
    }
    x = b_.add(h, x);
  }
  return x;
}

// Chained residual pooling: maxima of 5 x 5 (ncsnv2) or, after a norm, their means (ncsn).
int RefineNet::pool_chain(const std::string& name, int x) const {
  x = act(x);
  int path = x;
  for (int i = 0; i < 2; ++i) {
    const std::string number = std::to_string(i);
    if (by_level_)
      path = b_.fir(norm(name + ".norms." + number, path), {1, 1, 1, 1, 1}, 1, 1, 2, 2);
    else
      path = b_.max_pool(path, 5);
    path = conv(name + ".convs." + number, path, b_.channels(x), false);
    x = b_.add(path, x);
  }
  return x;
}

// The first of `xs` gives the size.
int RefineNet::refine(const std::string& name, const std::vector<int>& xs, std::int64_t out, bool last) const {
  int sum = -1;
  for (std::size_t i = 0; i < xs.size(); ++i) {
    const std::string number = std::to_string(i);
    int h = units(name + ".adapt_convs." + number, xs[i], 2);
    if (xs.size() > 1) {
      if (by_level_) h = norm(name + ".msf.norms." + number, h);
      h = conv(name + ".msf.convs." + number, h, out, true);
      const std::int64_t height = b_.shape(xs[0])[1], width = b_.shape(xs[0])[2];
      if (b_.shape(h)[1] != height || b_.shape(h)[2] != width) h = b_.bilinear(h, height, width, config_.jax_layers);
    }
    sum = i == 0 ? h : b_.add(sum, h);
  }
  return units(name + ".output_convs", pool_chain(name + ".crp", sum), last ? 3 : 1);
}

void RefineNet::write(const std::vector<Stage>& plan) {
  int h = conv("begin_conv", b_.input(), config_.channels, true);
  std::vector<int> layers;
  for (const Stage& stage : plan) {
    h = residual(std::string(stage.residual) + ".0", h, width(stage), stage.down, stage.dilation);
    layers.push_back(h = residual(std::string(stage.residual) + ".1", h, width(stage), false, stage.dilation));
  }
  for (std::size_t i = plan.size(); i-- > 0;) {
    // A block gives the channels of the next one's image; in JAX's smallest net the last but one keeps its own.
    const bool keeps = config_.jax_layers && plan.size() == 4 && i == 1;
    const std::int64_t out = width(plan[keeps || i == 0 ? i : i - 1]);
    const bool deepest = i + 1 == plan.size();
    h = refine(plan[i].refine, deepest ? std::vector<int>{layers[i]} : std::vector<int>{layers[i], h}, out, i == 0);
  }
  h = conv("end_conv", act(norm("normalizer", h)), b_.channels(b_.input()), true);
  if (!by_level_ && config_.scale_by_sigma) divide_by_sigma(b_, config_, h);
}

Graph build_refinenet(const NetConfig& config, const ItemShape& shape, const std::vector<Stage>& plan) {
  if (!shape.image) fail(Failure::usage, "net.name = {} is for images; use mlp for {}", config.name, to_text(shape));
  if (config.classes > 0) fail(Failure::usage, "net.classes = {}: {} takes no class", config.classes, config.name);
  GraphBuilder b({shape.channels, shape.height, shape.width});
  RefineNet(b, config).write(plan);
  return std::move(b).finish();
}

}  // namespace

Graph build_ncsnv2(const NetConfig& config, const ItemShape& shape) {
  return build_refinenet(config, shape, stages(std::max(shape.height, shape.width)));
}

Graph build_ncsn(const NetConfig& config, const ItemShape& shape) { return build_refinenet(config, shape, stages(0)); }

}  // namespace scoresde
