#include "core/catalog.h"

#include "net/builders.h"
#include "net/net_config.h"

namespace scoresde {
namespace {

constexpr NetEntry net_table[] = {
    {"unet", "U-Net for images: residual blocks, attention, skips (Ho et al. 2020)", build_unet},
    {"ncsnpp", "NCSN++ and DDPM++ of Song et al. (2021), score_sde's parameter names", build_ncsnpp},
    {"ddpm", "the U-Net of Ho et al. (2020), score_sde's parameter names", build_ddpm},
    {"ncsnv2", "RefineNet of Song & Ermon (2020)", build_ncsnv2},
    {"ncsn", "RefineNet of Song & Ermon (2019), normalised by noise level", build_ncsn},
    {"mlp", "residual MLP for tables and 2-D toys", build_mlp},
    {"classifier", "the U-Net's encoder (tables: an MLP) with a logit per class; clean or noise-conditional",
     build_classifier},
    {"wide-resnet", "noise-conditional classifier of images in the form of WRN-28-10", build_wide_resnet},
    {"energy", "a scalar energy f(x, t) whose gradient is the score: the classifier's encoder with one output",
     build_energy},
};

}  // namespace

std::span<const NetEntry> nets() { return net_table; }

Graph build_net(const NetConfig& config, const ItemShape& shape) {
  return find_entry("network", nets(), config.name).build(config, shape);
}

}  // namespace scoresde
