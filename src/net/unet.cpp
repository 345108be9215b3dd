#include <vector>

#include "core/error.h"
#include "net/builders.h"
#include "net/unet_blocks.h"

namespace scoresde {
namespace {

struct UnetWriter {
  GraphBuilder& b;
  const NetConfig& config;
  int time = -1;

  int block(const std::string& level, int index, int x, std::int64_t channels) const {
    const std::string number = std::to_string(index);
    x = residual_block(b, config, level + ".block." + number, x, time, channels);
    if (has_attention(config, b.shape(x)[1])) x = attention_block(b, level + ".attention." + number, x, config.heads);
    return x;
  }
};

}  // namespace

Graph build_unet(const NetConfig& config, const ItemShape& shape) {
  if (!shape.image) fail(Failure::usage, "net.name = unet is for images; use mlp for {}", to_text(shape));
  GraphBuilder b({shape.channels, shape.height, shape.width}, config.classes);
  const int patched = config.patch == 1 ? b.input() : b.space_to_depth(b.input(), config.patch);
  require_levels(config, b.shape(patched)[1], b.shape(patched)[2]);
  const UnetWriter unet{b, config, time_embedding(b, config, config.classes > 0 ? b.class_label() : -1)};

  const std::size_t levels = config.channel_mult.size();
  int h = b.conv("in", patched, config.channels);
  std::vector<int> skips = {h};
  for (std::size_t level = 0; level < levels; ++level) {
    const std::string name = "down." + std::to_string(level);
    if (level > 0) skips.push_back(h = b.downsample(h));
    for (int i = 0; i < config.blocks; ++i) skips.push_back(h = unet.block(name, i, h, level_channels(config, level)));
  }

  const std::int64_t widest = b.channels(h);
  h = unet.block("middle", 0, h, widest);
  h = residual_block(b, config, "middle.block.1", h, unet.time, widest);

  for (std::size_t level = levels; level-- > 0;) {
    const std::string name = "up." + std::to_string(level);
    for (int i = 0; i <= config.blocks; ++i) {
      h = unet.block(name, i, b.concat(h, skips.back()), level_channels(config, level));
      skips.pop_back();
    }
    if (level > 0) h = b.upsample(h, b.shape(skips.back())[1], b.shape(skips.back())[2]);
  }

  const std::int64_t out = b.channels(patched);
  h = b.zero_conv("out", b.silu(b.group_norm("out_norm", h)), out);
  if (config.patch != 1) b.depth_to_space(h, config.patch);
  return std::move(b).finish();
}

}  // namespace scoresde
