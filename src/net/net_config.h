#pragma once
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/config.h"
#include "core/item_shape.h"
#include "net/graph.h"

namespace scoresde {

/// Settings of all networks; each builder reads its own. What the reference implementation of Song et al. (2021) calls
/// them stands in brackets where its name differs.
struct NetConfig {
  std::string name = "unet";
  std::string prediction = "edm";
  int channels = 32, blocks = 1, heads = 1, patch = 1, depth = 3, classes = 0;
  std::vector<int> channel_mult = {1, 2, 2}, attention = {7};
  std::string embedding = "fourier";
  double fourier_scale = 1, dropout = 0, label_dropout = 0.1;
  std::string nonlinearity = "swish", resblock = "biggan";
  std::string progressive = "none", progressive_input = "none", combine = "sum", attention_layout = "level";
  bool fir = true, resample_conv = true, skip_rescale = true, conditional = true, scale_by_sigma = false;
  bool scale_shift_norm = false, jax_layers = false;
  std::vector<double> fir_kernel = {1, 3, 3, 1};
  double init_scale = 0;
  int levels = 1000;
  double sigma_min = 0.01, sigma_max = 50;

  static constexpr auto fields() {
    return std::tuple{
        field("name", &NetConfig::name, "which network: see `scoresde list nets`"),
        field("prediction", &NetConfig::prediction,
              "what the network's raw output means and which input and time label it is given: see `scoresde list "
              "predictions`"),
        field("channels", &NetConfig::channels, "channels at full resolution [nf]; mlp: width", {1, 4096}),
        field("blocks", &NetConfig::blocks, "residual blocks a level [num_res_blocks]", {1, 64}),
        field("heads", &NetConfig::heads, "attention heads", {1, 64}),
        field("patch", &NetConfig::patch, "unet, classifier: pixels of a p x p patch become channels first", {1, 16}),
        field("depth", &NetConfig::depth, "mlp: hidden layers", {1, 64}),
        field("classes", &NetConfig::classes, "classes the network is conditioned on; 0: none", {0, 1e6}),
        field("channel_mult", &NetConfig::channel_mult, "channels of each level, times `channels` [ch_mult]",
              {1, 1024}),
        field("attention", &NetConfig::attention,
              "heights (after patching) of the maps that get attention [attn_resolutions]", {0, 65536}),
        field("embedding", &NetConfig::embedding, "time embedding: fourier or positional [embedding_type]"),
        field("fourier_scale", &NetConfig::fourier_scale, "fourier: standard deviation of the frequencies",
              {1e-6, 1e6}),
        field("dropout", &NetConfig::dropout, "rate inside the residual blocks", {0, 0.99}),
        field("label_dropout", &NetConfig::label_dropout,
              "share of training items whose class is hidden, for classifier-free guidance", {0, 1}),
        field("nonlinearity", &NetConfig::nonlinearity, "ncsnpp, ddpm, ncsn, ncsnv2: swish, elu, relu or lrelu"),
        field("resblock", &NetConfig::resblock, "ncsnpp: biggan (resamples inside) or ddpm [resblock_type]"),
        field("progressive", &NetConfig::progressive, "ncsnpp: the output pyramid, none, output_skip or residual"),
        field("progressive_input", &NetConfig::progressive_input,
              "ncsnpp: the input pyramid, none, input_skip or residual"),
        field("combine", &NetConfig::combine, "ncsnpp, input_skip: sum or cat [progressive_combine]"),
        field(
            "attention_layout", &NetConfig::attention_layout,
            "ddpm: attention on the way up once a level (level, as score_sde) or after every block (block, Ho et al.)"),
        field("fir", &NetConfig::fir, "ncsnpp: resample with a filter, not by 2 x 2 means and nearest neighbours"),
        field("resample_conv", &NetConfig::resample_conv,
              "ddpm, ncsnpp with resblock ddpm: a convolution at every resampling [resamp_with_conv]"),
        field("skip_rescale", &NetConfig::skip_rescale, "ncsnpp: residual sums times 1 / sqrt(2)"),
        field("conditional", &NetConfig::conditional, "ncsnpp, ddpm: the network is told the time"),
        field("scale_by_sigma", &NetConfig::scale_by_sigma, "ncsnpp, ddpm, ncsnv2: the output is divided by sigma"),
        field("scale_shift_norm", &NetConfig::scale_shift_norm,
              "unet, classifier, energy: time and class scale and shift the blocks' second norm and are not added to "
              "its input (ADM) [use_scale_shift_norm]"),
        field("jax_layers", &NetConfig::jax_layers,
              "ncsn, ncsnv2: norms, interpolation and widths as score_sde's JAX version has them, not PyTorch's"),
        field("fir_kernel", &NetConfig::fir_kernel, "ncsnpp: the filter's taps", {-1e6, 1e6}),
        field("init_scale", &NetConfig::init_scale,
              "ncsnpp: scale of the weights that end a residual branch or the network; 0: nearly zero", {0, 1e3}),
        field("levels", &NetConfig::levels, "prediction song-level: number of noise levels [num_scales]", {2, 1e6}),
        field("sigma_min", &NetConfig::sigma_min,
              "prediction song-level: the last level's noise where pixels run from 0 to 1", {1e-9, 1e9}),
        field("sigma_max", &NetConfig::sigma_max, "prediction song-level: the first level's noise", {1e-9, 1e9})};
  }
};

/// A row of the table of networks.
struct NetEntry {
  std::string_view name, summary;
  Graph (*build)(const NetConfig&, const ItemShape&);
};
std::span<const NetEntry> nets();

/// The graph that `config` describes for samples of `shape`. Error{usage} names the setting that does not fit.
Graph build_net(const NetConfig& config, const ItemShape& shape);

}  // namespace scoresde
