#include "net/unet_blocks.h"

#include <algorithm>

#include "core/catalog.h"
#include "core/error.h"
#include "net/preconditioning.h"
#include "net/song_modules.h"

namespace scoresde {

namespace {

// ln(sigma / alpha) / 4, some -2..2, is the label itself for this project's own predictions.
int fourier_label(GraphBuilder& b, const NetConfig& config) {
  const LabelKind kind = find_entry("prediction", predictions(), config.prediction).label;
  return kind == LabelKind::log_snr ? b.label() : log_sigma_label(b, config);
}

}  // namespace

int time_embedding(GraphBuilder& b, const NetConfig& config, int class_label, std::int64_t width) {
  int features;
  if (config.embedding == "fourier") {
    features =
        b.fourier("time.fourier", fourier_label(b, config), 2 * ((config.channels + 1) / 2), config.fourier_scale);
  } else if (config.embedding == "positional") {
    features = b.positional(position_label(b, config), std::max(config.channels, 2));
  } else {
    fail(Failure::usage, "net.embedding = '{}' is neither fourier nor positional", config.embedding);
  }
  if (width == 0) width = std::int64_t{4} * config.channels;
  int time = b.linear("time.linear1", b.silu(b.linear("time.linear0", features, width)), width);
  if (class_label >= 0) time = b.add(time, b.embedding("class", class_label, width));
  return b.silu(time);
}

int residual_block(GraphBuilder& b, const NetConfig& config, const std::string& name, int x, int time,
                   std::int64_t out) {
  int h = b.conv(name + ".conv0", b.silu(b.group_norm(name + ".norm0", x)), out);
  if (config.scale_shift_norm) {
    const int scale_shift = b.linear(name + ".time", time, 2 * out);
    h = b.modulate(b.group_norm(name + ".norm1", h), scale_shift);
  } else {
    h = b.group_norm(name + ".norm1", b.add(h, b.linear(name + ".time", time, out)));
  }
  h = b.dropout(b.silu(h), config.dropout);
  h = b.conv(name + ".conv1", h, out, 3, 0);
  const int shortcut = b.channels(x) == out ? x : b.conv(name + ".shortcut", x, out, 1);
  return b.add(shortcut, h);
}

int attention_block(GraphBuilder& b, const std::string& name, int x, int heads) {
  const std::int64_t channels = b.channels(x);
  const int h = b.group_norm(name + ".norm", x);
  const int q = b.conv(name + ".q", h, channels, 1);
  const int k = b.conv(name + ".k", h, channels, 1);
  const int v = b.conv(name + ".v", h, channels, 1);
  return b.add(x, b.conv(name + ".out", b.attention(q, k, v, heads), channels, 1, 0));
}

int pooled_encoder(GraphBuilder& b, const NetConfig& config, int time) {
  const int patched = config.patch == 1 ? b.input() : b.space_to_depth(b.input(), config.patch);
  require_levels(config, b.shape(patched)[1], b.shape(patched)[2]);
  int h = b.conv("in", patched, config.channels);
  for (std::size_t level = 0; level < config.channel_mult.size(); ++level) {
    const std::string name = "down." + std::to_string(level);
    if (level > 0) h = b.downsample(h);
    for (int i = 0; i < config.blocks; ++i) {
      const std::string number = std::to_string(i);
      h = residual_block(b, config, name + ".block." + number, h, time, level_channels(config, level));
      if (has_attention(config, b.shape(h)[1])) h = attention_block(b, name + ".attention." + number, h, config.heads);
    }
  }
  return b.global_mean(b.silu(b.group_norm("out_norm", h)));
}

bool has_attention(const NetConfig& config, std::int64_t height) {
  return std::find(config.attention.begin(), config.attention.end(), height) != config.attention.end();
}

std::int64_t level_channels(const NetConfig& config, std::size_t level) {
  return std::int64_t{config.channels} * config.channel_mult[level];
}

void require_levels(const NetConfig& config, std::int64_t height, std::int64_t width) {
  const std::size_t levels = config.channel_mult.size();
  std::int64_t size = std::min(height, width);
  std::size_t most = 1;
  for (; size > 1; size = (size + 1) / 2) ++most;
  if (levels < 1 || levels > most)
    fail(Failure::usage, "net.channel_mult has {} levels; a map of {} x {} allows 1 to {}", levels, height, width,
         most);
}

}  // namespace scoresde
