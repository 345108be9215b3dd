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

}  // namespace scoresde
