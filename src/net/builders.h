#pragma once
#include "core/item_shape.h"
#include "net/net_config.h"

namespace scoresde {

/// U-Net of Ho et al. (2020): residual blocks with time embedding, attention at chosen heights, skips by concatenation;
/// resampling by 2 x 2 means and nearest neighbours without convolutions of their own. Any size, odd ones included: a
/// level of height h is halved to ceil(h / 2) and doubled back to exactly h. The output starts at exactly zero.
Graph build_unet(const NetConfig& config, const ItemShape& shape);

/// Residual MLP for rows of a table (images are flattened): h += W silu(h + dense(time)), `depth` times. The output
/// starts at exactly zero.
Graph build_mlp(const NetConfig& config, const ItemShape& shape);

/// The encoder half of the U-Net, mean over all pixels, and a linear map to config.classes logits; for tables the MLP.
/// It is given x_t and the time label, so it can be trained on noisy data (for guidance) or on clean data alone.
Graph build_classifier(const NetConfig& config, const ItemShape& shape);
Graph build_mlp_classifier(const NetConfig& config, const ItemShape& shape);

/// NCSN++ and DDPM++ of Song et al. (2021, app. H), with the parameter names of score_sde's `ncsnpp`: every combination
/// of its options, those that its PyTorch version cannot run after the meaning of the JAX version. Without
/// net.conditional the blocks have no time layers. Height and width have to halve exactly at every level.
Graph build_ncsnpp(const NetConfig& config, const ItemShape& shape);

/// The U-Net of Ho et al. (2020) as score_sde's `ddpm` builds and names it; net.attention_layout = block puts attention
/// where Ho et al. have it.
Graph build_ddpm(const NetConfig& config, const ItemShape& shape);

/// NCSNv2 of Song & Ermon (2020) with its parameter names: a RefineNet of dilated residual blocks with InstanceNorm++,
/// in the size that the image asks for (below 96 pixels, to 128, above). It is not told the noise level: with
/// net.scale_by_sigma its output is divided by sigma. Dilated convolutions keep the size.
Graph build_ncsnv2(const NetConfig& config, const ItemShape& shape);

/// NCSN of Song & Ermon (2019): the smallest of these RefineNets, its InstanceNorm++ with parameters of each of
/// net.levels noise levels, the one nearest to the time label (made for prediction song-level).
Graph build_ncsn(const NetConfig& config, const ItemShape& shape);

/// The noise-conditional classifier of Song et al. (2021, app. I.1) as a Wide ResNet (Zagoruyko & Komodakis 2016):
/// WRN-28-10 is net.blocks = 4 (depth 6 blocks + 4), net.channels = 160 (16 times the width), net.channel_mult =
/// [1, 2, 4]. The time embedding is added in every block.
Graph build_wide_resnet(const NetConfig& config, const ItemShape& shape);

/// The same encoder, or MLP, with one output f that starts at exactly zero: an energy (Graph::energy).
Graph build_energy(const NetConfig& config, const ItemShape& shape);
Graph build_mlp_energy(const NetConfig& config, const ItemShape& shape);

}  // namespace scoresde
