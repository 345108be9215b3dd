#include "core/catalog.h"

#include "net/builders.h"
#include "net/net_config.h"

namespace scoresde {
namespace {

constexpr NetEntry net_table[] = {
    {"unet", "U-Net for images: residual blocks, attention, skips (Ho et al. 2020)", build_unet},
    {"mlp", "residual MLP for tables and 2-D toys", build_mlp},
    {"classifier", "the U-Net's encoder (tables: an MLP) with a logit per class; clean or noise-conditional",
     build_classifier},
};

}  // namespace

std::span<const NetEntry> nets() { return net_table; }

Graph build_net(const NetConfig& config, const ItemShape& shape) {
  return find_entry("network", nets(), config.name).build(config, shape);
}

}  // namespace scoresde
