#include <vector>

#include "net/builders.h"
#include "net/song_modules.h"

namespace scoresde {
namespace {

constexpr int ddpm_groups = 32;

}  // namespace

Graph build_ddpm(const NetConfig& config, const ItemShape& shape) {
  require_song_settings(config, shape);
  require_one_of("net.attention_layout", config.attention_layout, {"level", "block"});
  const bool after_every_block = config.attention_layout == "block";
  GraphBuilder b({shape.channels, shape.height, shape.width}, config.classes);
  SongModules m(b, config, ddpm_groups, 0);
  m.time_embedding();
  const std::size_t levels = config.channel_mult.size();
  const auto width = [&](std::size_t level) { return std::int64_t{config.channels} * config.channel_mult[level]; };

  int h = m.conv3(b.input(), config.channels);
  std::vector<int> skips = {h};
  for (std::size_t level = 0; level < levels; ++level) {
    if (level > 0) skips.push_back(h = m.downsample(h));
    for (int i = 0; i < config.blocks; ++i) {
      h = m.block(h, width(level));
      if (m.attends(h)) h = m.attention(h);
      skips.push_back(h);
    }
  }

  h = m.block(h, b.channels(h));
  h = m.attention(h);
  h = m.block(h, b.channels(h));

  for (std::size_t level = levels; level-- > 0;) {
    for (int i = 0; i <= config.blocks; ++i) {
      h = m.block(b.concat(h, skips.back()), width(level));
      skips.pop_back();
      if (m.attends(h) && (after_every_block || i == config.blocks)) h = m.attention(h);
    }
    if (level > 0) h = m.upsample(h);
  }

  h = m.norm_conv3(h, shape.channels, 0);
  if (config.scale_by_sigma) divide_by_sigma(b, config, h);
  return std::move(b).finish();
}

}  // namespace scoresde
