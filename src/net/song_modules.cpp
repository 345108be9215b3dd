#include "net/song_modules.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <numbers>

#include "core/error.h"

namespace scoresde {
namespace {

constexpr double nin_scale = 0.1;  // of score_sde's NIN layers, but for those that end a branch

// A filter that halves or doubles the size leaves (taps - 2) values to distribute over both ends.
struct FirPadding {
  int before, after;
};
FirPadding fir_padding(const std::vector<double>& taps, Resample resample) {
  const int spare = static_cast<int>(taps.size()) - 2;
  return {(spare + 1) / 2 + (resample == Resample::up ? 1 : 0), spare / 2};
}

}  // namespace

void require_one_of(std::string_view setting, const std::string& value,
                    std::initializer_list<std::string_view> allowed) {
  if (std::find(allowed.begin(), allowed.end(), value) == allowed.end())
    fail(Failure::usage, "{} = '{}' is none of {}", setting, value, fmt::join(allowed, ", "));
}

int activation(GraphBuilder& b, const NetConfig& config, int x) {
  if (config.nonlinearity == "swish") return b.silu(x);
  if (config.nonlinearity == "elu") return b.elu(x);
  if (config.nonlinearity == "relu") return b.leaky_relu(x, 0);
  require_one_of("net.nonlinearity", config.nonlinearity, {"swish", "elu", "relu", "lrelu"});
  return b.leaky_relu(x, 0.2);
}

SongModules::SongModules(GraphBuilder& b, const NetConfig& config, int most_groups, double branch_scale)
    : b_(b), config_(config), most_groups_(most_groups), branch_scale_(branch_scale) {}

void SongModules::time_embedding() {
  const bool fourier = config_.embedding == "fourier";
  require_one_of("net.embedding", config_.embedding, {"fourier", "positional"});
  const std::string first = fourier ? next() : "";
  if (!config_.conditional) return;
  const std::int64_t width = std::int64_t{4} * config_.channels;
  const int features =
      fourier ? b_.fourier(first, log_sigma_label(b_, config_), 2 * config_.channels, config_.fourier_scale, ".W")
              : b_.positional(position_label(b_, config_), config_.channels);
  const int hidden = b_.linear(next(), features, width);
  time_ = b_.linear(next(), act(hidden), width);
  if (config_.classes > 0) time_ = b_.add(time_, b_.embedding("class_embedding", b_.class_label(), width));
  time_ = act(time_);
}

int SongModules::conv3(int x, std::int64_t out, double init_scale) { return b_.conv(next(), x, out, 3, init_scale); }

int SongModules::norm_conv3(int x, std::int64_t out, double init_scale) {
  const int h = act(norm(next(), x));
  return conv3(h, out, init_scale);
}

int SongModules::block(int x, std::int64_t out, Resample resample) {
  const std::string name = next();
  const bool changes = b_.channels(x) != out || resample != Resample::none;
  int h = act(norm(name + ".GroupNorm_0", x));
  if (resample != Resample::none) {
    h = plain_resample(h, resample);
    x = plain_resample(x, resample);
  }
  h = b_.conv(name + ".Conv_0", h, out);
  if (time_ >= 0) h = b_.add(h, b_.linear(name + ".Dense_0", time_, out));
  h = b_.dropout(act(norm(name + ".GroupNorm_1", h)), config_.dropout);
  h = b_.conv(name + ".Conv_1", h, out, 3, branch_scale_);
  if (changes && config_.name == "ncsnpp" && config_.resblock == "biggan")
    x = b_.conv(name + ".Conv_2", x, out, 1);
  else if (changes)
    x = b_.nin(name + ".NIN_0", x, out, nin_scale);
  return residual_sum(x, h);
}

int SongModules::attention(int x) {
  const std::string name = next();
  const std::int64_t channels = b_.channels(x);
  const int h = norm(name + ".GroupNorm_0", x);
  const int q = b_.nin(name + ".NIN_0", h, channels, nin_scale);
  const int k = b_.nin(name + ".NIN_1", h, channels, nin_scale);
  const int v = b_.nin(name + ".NIN_2", h, channels, nin_scale);
  return residual_sum(x, b_.nin(name + ".NIN_3", b_.attention(q, k, v, config_.heads), channels, branch_scale_));
}

bool SongModules::attends(int x) const {
  return std::find(config_.attention.begin(), config_.attention.end(), b_.shape(x)[1]) != config_.attention.end();
}

int SongModules::downsample(int x) {
  if (config_.resample_conv) return conv_resample(x, b_.channels(x), Resample::down);
  next();  // a module without parameters
  return plain_resample(x, Resample::down);
}

int SongModules::upsample(int x) {
  if (config_.resample_conv) return conv_resample(x, b_.channels(x), Resample::up);
  next();
  return plain_resample(x, Resample::up);
}

int SongModules::conv_resample(int x, std::int64_t out, Resample resample) {
  const bool down = resample == Resample::down;
  const std::string name = next();
  if (config_.name != "ncsnpp" || !config_.fir) {
    if (down) return b_.conv(name + ".Conv_0", x, out, {.stride = 2, .before = 0, .after = 1});
    return b_.conv(name + ".Conv_0", plain_resample(x, resample), out);
  }
  // One value more at each end than the plain filter gives, for the convolution to use up.
  const FirPadding p = fir_padding(config_.fir_kernel, resample);
  const int filtered = b_.fir(x, config_.fir_kernel, down ? 1 : 2, 1, p.before + 1, p.after + 1);
  return b_.conv(name + ".Conv2d_0", filtered, out, {.stride = down ? 2 : 1, .before = 0, .after = 0});
}

int SongModules::plain_resample(int x, Resample resample) const {
  const bool down = resample == Resample::down;
  if (config_.name != "ncsnpp" || !config_.fir)
    return down ? b_.downsample(x) : b_.upsample(x, 2 * b_.shape(x)[1], 2 * b_.shape(x)[2]);
  const FirPadding p = fir_padding(config_.fir_kernel, resample);
  return b_.fir(x, config_.fir_kernel, down ? 1 : 2, down ? 2 : 1, p.before, p.after);
}

int SongModules::combine(int pyramid, int h) {
  const int mapped = b_.conv(next() + ".Conv_0", pyramid, b_.channels(h), 1);
  return config_.combine == "cat" ? b_.concat(mapped, h) : b_.add(mapped, h);
}

int SongModules::residual_sum(int a, int b) const {
  const bool rescale = config_.name == "ncsnpp" && config_.skip_rescale;
  return b_.add(a, b, rescale ? 1 / std::numbers::sqrt2 : 1);
}

void require_song_settings(const NetConfig& config, const ItemShape& shape) {
  if (!shape.image) fail(Failure::usage, "net.name = {} is for images; use mlp for {}", config.name, to_text(shape));
  if (config.patch != 1) fail(Failure::usage, "net.patch = {}: {} works on single pixels", config.patch, config.name);
  if (config.classes > 0 && !config.conditional)
    fail(Failure::usage, "net.conditional is off, so the network cannot be told its class (net.classes = {})",
         config.classes);
  if (config.channel_mult.empty()) fail(Failure::usage, "net.channel_mult names no level");
  const std::size_t halvings = config.channel_mult.size() - 1;
  const int unit = halvings < 31 ? 1 << halvings : 0;
  if (unit == 0 || shape.height % unit != 0 || shape.width % unit != 0)
    fail(Failure::usage, "net.channel_mult has {} levels: {} x {} pixels cannot be halved {} times", halvings + 1,
         shape.height, shape.width, halvings);
}

}  // namespace scoresde
