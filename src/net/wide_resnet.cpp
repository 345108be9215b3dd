#include "core/error.h"
#include "net/builders.h"
#include "net/unet_blocks.h"

namespace scoresde {
namespace {

constexpr std::int64_t stem_channels = 16;

// BN becomes GroupNorm: no number may depend on batch-mates.
int wide_block(GraphBuilder& b, const NetConfig& config, const std::string& name, int x, int time, std::int64_t out,
               int stride) {
  const int first = b.silu(b.group_norm(name + ".norm0", x));
  int h = b.conv(name + ".conv0", first, out, 3, 1, stride);
  h = b.add(h, b.linear(name + ".time", time, out));
  h = b.dropout(b.silu(b.group_norm(name + ".norm1", h)), config.dropout);
  h = b.conv(name + ".conv1", h, out);
  const bool changes = stride != 1 || b.channels(x) != out;
  return b.add(changes ? b.conv(name + ".shortcut", first, out, 1, 1, stride) : x, h);
}

}  // namespace

Graph build_wide_resnet(const NetConfig& config, const ItemShape& shape) {
  if (config.classes < 2)
    fail(Failure::usage, "net.classes = {}: a classifier tells at least 2 classes apart", config.classes);
  if (!shape.image) fail(Failure::usage, "net.name = wide-resnet is for images; use classifier for {}", to_text(shape));
  GraphBuilder b({shape.channels, shape.height, shape.width});
  const int time = time_embedding(b, config);
  int h = b.conv("in", b.input(), stem_channels);
  for (std::size_t group = 0; group < config.channel_mult.size(); ++group)
    for (int i = 0; i < config.blocks; ++i) {
      const std::string name = "group." + std::to_string(group) + ".block." + std::to_string(i);
      h = wide_block(b, config, name, h, time, level_channels(config, group), group > 0 && i == 0 ? 2 : 1);
    }
  b.linear("out", b.global_mean(b.silu(b.group_norm("out_norm", h))), config.classes);
  return std::move(b).finish();
}

}  // namespace scoresde
