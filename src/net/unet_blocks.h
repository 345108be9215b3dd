#pragma once
#include <string>

#include "net/graph_builder.h"
#include "net/net_config.h"

namespace scoresde {

/// The pieces that the U-Net, the classifier and the energy share.

/// silu(L2 silu(L1 embedding(label))) of `width` values (0: 4 * net.channels), plus the class embedding before the
/// outer silu where `class_label` is a node and not negative. Error{usage} for an unknown net.embedding.
int time_embedding(GraphBuilder& b, const NetConfig& config, int class_label = -1, std::int64_t width = 0);

/// h = conv1(drop(silu(GN(conv0(silu(GN(x))) + dense(time))))), result shortcut(x) + h; conv1 starts nearly at zero and
/// the shortcut is a 1 x 1 convolution where the channels change (Ho et al. 2020, app. B). With net.scale_shift_norm
/// the second norm becomes (1 + s) GN(conv0(...)) + t, [s, t] = dense(time) (Dhariwal & Nichol 2021).
int residual_block(GraphBuilder& b, const NetConfig& config, const std::string& name, int x, int time,
                   std::int64_t out);

/// x + proj(attention(q, k, v of GN(x))) (Ho et al. 2020).
int attention_block(GraphBuilder& b, const std::string& name, int x, int heads);

/// The encoder half of the U-Net without skips, normalised, silu, and its mean over all pixels: (channels).
int pooled_encoder(GraphBuilder& b, const NetConfig& config, int time);

/// Whether maps of this height get attention: net.attention lists heights after patching.
bool has_attention(const NetConfig& config, std::int64_t height);

/// Channels of level i. Error{usage} where there are more levels than the map can be halved.
std::int64_t level_channels(const NetConfig& config, std::size_t level);
void require_levels(const NetConfig& config, std::int64_t height, std::int64_t width);

}  // namespace scoresde
