#include <algorithm>

#include "exchange/document.h"
#include "exchange/export_model.h"

namespace scoresde {
namespace {

[[noreturn]] void inexpressible(const std::string& setting, const std::string& reason) {
  fail(Failure::usage, "diffusers' UNet2DModel cannot express {}: {}", setting, reason);
}

// Writes our weights under diffusers' names by walking through the network in the order in which both make modules.
class DiffusersWriter {
 public:
  DiffusersWriter(const ModelSpec& spec, const std::map<std::string, Tensor>& weights)
      : net_(spec.net), height_(spec.shape.height), weights_(weights) {}

  std::map<std::string, Tensor> write() {
    if (net_.embedding == "fourier") put("W", "time_proj.weight", module());
    layer("time_embedding.linear_1");
    layer("time_embedding.linear_2");
    layer("conv_in");
    const std::size_t levels = net_.channel_mult.size();
    for (std::size_t level = 0; level < levels; ++level) way_down(level, level + 1 == levels);
    block("mid_block.resnets.0");
    attention("mid_block.attentions.0");
    block("mid_block.resnets.1");
    for (std::size_t level = levels; level-- > 0;) way_up(level, levels - 1 - level);
    if (net_.name == "ddpm") layer("conv_norm_out"), layer("conv_out");
    if (result_.size() != weights_.size())
      fail(Failure::run, "{} of {} tensors have a name in diffusers", result_.size(), weights_.size());
    return std::move(result_);
  }

 private:
  std::string module() { return "all_modules." + std::to_string(next_++) + "."; }

  bool attends(std::size_t level) const {
    return std::find(net_.attention.begin(), net_.attention.end(), height_ >> level) != net_.attention.end();
  }

  void put(const std::string& ours, const std::string& theirs, const std::string& prefix) {
    result_[theirs] = weights_.at(prefix + ours);
  }

  void pair(const std::string& ours, const std::string& theirs, const std::string& prefix) {
    put(ours + ".weight", theirs + ".weight", prefix);
    put(ours + ".bias", theirs + ".bias", prefix);
  }

  // W (in, out) and b as a linear layer's (out, in), or as a 1 x 1 convolution's.
  void nin(const std::string& ours, const std::string& theirs, const std::string& prefix, bool convolution) {
    const Tensor& w = weights_.at(prefix + ours + ".W");
    Tensor turned = ArrayView{w.dtype, {w.shape[1], w.shape[0]}, {1, w.shape[1]}, 0, w.bytes}.copy();
    if (convolution) turned.shape.insert(turned.shape.end(), {1, 1});
    result_[theirs + ".weight"] = std::move(turned);
    put(ours + ".b", theirs + ".bias", prefix);
  }

  void layer(const std::string& theirs) {
    const std::string prefix = module();
    put("weight", theirs + ".weight", prefix);
    put("bias", theirs + ".bias", prefix);
  }

  void inner_layer(const std::string& theirs) { pair("Conv_0", theirs, module()); }

  void block(const std::string& theirs) {
    const std::string prefix = module();
    pair("GroupNorm_0", theirs + ".norm1", prefix);
    pair("Conv_0", theirs + ".conv1", prefix);
    pair("Dense_0", theirs + ".time_emb_proj", prefix);
    pair("GroupNorm_1", theirs + ".norm2", prefix);
    pair("Conv_1", theirs + ".conv2", prefix);
    if (weights_.contains(prefix + "Conv_2.weight"))
      pair("Conv_2", theirs + ".conv_shortcut", prefix);
    else if (weights_.contains(prefix + "NIN_0.W"))
      nin("NIN_0", theirs + ".conv_shortcut", prefix, true);
  }

  void attention(const std::string& theirs) {
    const std::string prefix = module();
    pair("GroupNorm_0", theirs + ".group_norm", prefix);
    const char* names[] = {".to_q", ".to_k", ".to_v", ".to_out.0"};
    for (int k = 0; k < 4; ++k) nin("NIN_" + std::to_string(k), theirs + names[k], prefix, false);
  }

  void way_down(std::size_t level, bool last) {
    const std::string name = "down_blocks." + std::to_string(level);
    for (int i = 0; i < net_.blocks; ++i) {
      block(name + ".resnets." + std::to_string(i));
      if (attends(level)) attention(name + ".attentions." + std::to_string(i));
    }
    if (last) return;
    if (net_.name == "ddpm") return inner_layer(name + ".downsamplers.0.conv");
    block(name + ".resnet_down");
    inner_layer(name + ".skip_conv");
  }

  void way_up(std::size_t level, std::size_t index) {
    const std::string name = "up_blocks." + std::to_string(index);
    for (int i = 0; i <= net_.blocks; ++i) {
      block(name + ".resnets." + std::to_string(i));
      if (net_.name == "ddpm" && attends(level)) attention(name + ".attentions." + std::to_string(i));
    }
    if (net_.name == "ddpm") {
      if (level > 0) inner_layer(name + ".upsamplers.0.conv");
      return;
    }
    if (attends(level)) attention(name + ".attentions.0");
    layer(level > 0 ? name + ".skip_norm" : "conv_norm_out");
    layer(level > 0 ? name + ".skip_conv" : "conv_out");
    if (level > 0) block(name + ".resnet_up");
  }

  const NetConfig& net_;
  int height_;
  const std::map<std::string, Tensor>& weights_;
  std::map<std::string, Tensor> result_;
  int next_ = 0;
};

// Both kinds: UNet2DModel has one head a map or heads of one width, SiLU, and always a time.
void require_common(const ModelSpec& spec) {
  const NetConfig& net = spec.net;
  if (net.name != "ddpm" && net.name != "ncsnpp")
    inexpressible("net.name = " + net.name, "its layers are those of ddpm and of ncsnpp with pyramids");
  if (net.heads != 1) inexpressible(fmt::format("net.heads = {}", net.heads), "heads are counted by their width there");
  if (net.nonlinearity != "swish")
    inexpressible("net.nonlinearity = " + net.nonlinearity, "these layers are made with swish");
  if (!net.conditional) inexpressible("net.conditional = false", "its blocks are always told the time");
  if (net.classes > 0) inexpressible("net.classes", "its class embedding has no row for 'no class'");
  if (net.channels % 2 != 0) inexpressible("net.channels", "the embedding's width is even there");
}

void require_ddpm(const NetConfig& net) {
  if (net.attention_layout != "block")
    inexpressible("net.attention_layout = " + net.attention_layout, "there is attention after every block of a level");
  if (net.embedding != "positional" || net.scale_by_sigma)
    inexpressible("net.embedding = fourier or net.scale_by_sigma with ddpm", "its time is positional");
  if (!net.resample_conv) inexpressible("net.resample_conv = false", "its samplers convolve");
  for (const int factor : net.channel_mult)
    if (net.channels * factor % 32 != 0)
      inexpressible(fmt::format("net.channels = {}", net.channels * factor), "GroupNorm has 32 groups there");
}

// SkipDownBlock2D and SkipUpBlock2D, made for score_sde's 256 and 1024 pixel networks.
void require_skip_blocks(const ModelSpec& spec) {
  const NetConfig& net = spec.net;
  if (net.resblock != "biggan" || !net.fir || net.fir_kernel != std::vector<double>{1, 3, 3, 1} || !net.skip_rescale)
    inexpressible("net.resblock, net.fir or net.skip_rescale",
                  "its skip blocks are biggan, fir [1,3,3,1] and rescaled");
  if (net.progressive_input != "input_skip" || net.progressive != "output_skip" || net.combine != "sum")
    inexpressible("net.progressive_input = " + net.progressive_input + ", net.progressive = " + net.progressive,
                  "its skip blocks are input_skip (sum) and output_skip");
  if (net.scale_by_sigma != (net.embedding == "fourier"))
    inexpressible("net.scale_by_sigma", "the output is divided by sigma just where the embedding is fourier");
  if (spec.shape.channels != 3) inexpressible("shape.channels", "its skip blocks have 3 colours");
  for (std::size_t level = 0; level < net.channel_mult.size(); ++level) {
    const int height = spec.shape.height >> level, channels = net.channels * net.channel_mult[level];
    if (std::find(net.attention.begin(), net.attention.end(), height) != net.attention.end() && channels % 128 != 0)
      inexpressible(fmt::format("attention over {} channels", channels), "its norms have 32 groups there");
  }
}

Json diffusers_config(const ModelSpec& spec) {
  const NetConfig& net = spec.net;
  const bool ddpm = net.name == "ddpm", fourier = net.embedding == "fourier";
  Json channels = Json::array(), down = Json::array(), up = Json::array();
  for (std::size_t level = 0; level < net.channel_mult.size(); ++level) {
    channels.push_back(net.channels * net.channel_mult[level]);
    const int height = spec.shape.height >> level;
    const bool attends = std::find(net.attention.begin(), net.attention.end(), height) != net.attention.end();
    const std::string kind = std::string(attends ? "Attn" : "") + (ddpm ? "" : "Skip");
    down.push_back(kind + "DownBlock2D");
    up.insert(up.begin(), kind + "UpBlock2D");
  }
  const bool pixels_from_0_to_1 = net.prediction == "song-score" || net.prediction == "song-level";
  return {{"_class_name", "UNet2DModel"},
          {"act_fn", "silu"},
          {"attention_head_dim", nullptr},
          {"block_out_channels", channels},
          {"center_input_sample", pixels_from_0_to_1},
          {"down_block_types", down},
          {"downsample_padding", ddpm ? 0 : 1},
          {"dropout", net.dropout},
          {"flip_sin_to_cos", false},
          {"freq_shift", 1},
          {"in_channels", spec.shape.channels},
          {"layers_per_block", net.blocks},
          {"mid_block_scale_factor", ddpm ? 1.0 : 1.4142135623730951},
          {"norm_eps", 1e-6},
          {"norm_num_groups", ddpm ? Json(32) : Json(nullptr)},
          {"out_channels", spec.shape.channels},
          {"sample_size", spec.shape.height},
          {"time_embedding_type", fourier ? "fourier" : "positional"},
          {"up_block_types", up}};
}

}  // namespace

void export_diffusers(const fs::path& folder, const ModelSpec& spec, const std::map<std::string, Tensor>& weights) {
  require_common(spec);
  if (spec.net.name == "ddpm")
    require_ddpm(spec.net);
  else
    require_skip_blocks(spec);
  check_weights(build_net(spec.net, spec.shape), weights, "the model");
  Safetensors content{DiffusersWriter(spec, weights).write(), {{"format", "pt"}}};
  fs::create_directories(folder);
  write_safetensors(folder / "diffusion_pytorch_model.safetensors", content);
  write_atomically(folder / "config.json", diffusers_config(spec).dump(2) + "\n");
}

}  // namespace scoresde
