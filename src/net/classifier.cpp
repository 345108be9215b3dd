#include "core/error.h"
#include "net/builders.h"
#include "net/unet_blocks.h"

namespace scoresde {

Graph build_classifier(const NetConfig& config, const ItemShape& shape) {
  if (config.classes < 2)
    fail(Failure::usage, "net.classes = {}: a classifier tells at least 2 classes apart", config.classes);
  if (!shape.image) return build_mlp_classifier(config, shape);
  GraphBuilder b({shape.channels, shape.height, shape.width});
  const int patched = config.patch == 1 ? b.input() : b.space_to_depth(b.input(), config.patch);
  require_levels(config, b.shape(patched)[1], b.shape(patched)[2]);
  const int time = time_embedding(b, config);

  int h = b.conv("in", patched, config.channels);
  for (std::size_t level = 0; level < config.channel_mult.size(); ++level) {
    const std::string name = "down." + std::to_string(level);
    if (level > 0) h = b.downsample(h);
    for (int i = 0; i < config.blocks; ++i) {
      const std::string number = std::to_string(i);
      h = residual_block(b, name + ".block." + number, h, time, level_channels(config, level), config.dropout);
      if (has_attention(config, b.shape(h)[1])) h = attention_block(b, name + ".attention." + number, h, config.heads);
    }
  }
  b.linear("out", b.global_mean(b.silu(b.group_norm("out_norm", h))), config.classes);
  return std::move(b).finish();
}

}  // namespace scoresde
