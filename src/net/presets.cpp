#include "net/presets.h"

#include "net/preset_parts.h"

namespace scoresde {
namespace {

using namespace preset_parts;

// The first four were chosen by looking at samples after a few minutes on 2 cores. The decay is what makes a short run
// sharp.
constexpr const char* quickstart_settings = R"(
batch = 64
[sde]
name = "vp"
[net]
name = "unet"
prediction = "edm"
patch = 2
channels = 32
channel_mult = [1, 2]
attention = [7]
[objective]
log_mean = -0.8
[optimizer]
lr = 2e-3
warmup = 50
decay = 0.3
[ema]
half_life = 5000
[log]
samples_every = 25000
)";

constexpr const char* digits_settings = R"(
batch = 64
[sde]
name = "vp"
[net]
name = "unet"
prediction = "edm"
channels = 32
channel_mult = [1, 2]
attention = [4]
[optimizer]
lr = 2e-3
warmup = 50
decay = 0.3
)";

// Chosen for their C2ST (docs/objectives.md): 1,500 to 2,000 steps.
constexpr const char* toy_settings = R"(
batch = 512
[sde]
name = "edm"
[net]
name = "mlp"
prediction = "edm"
channels = 128
depth = 3
[optimizer]
lr = 2e-3
decay = 0.3
[budget]
images = 1024000
)";

// The noise of a trace's estimate grows with sigma: a largest sigma of the data's size, and a long average.
constexpr const char* toy_sliced = R"(
[sde]
sigma_max = 20.0
[objective]
name = "ssm-vr"
weighting = "sigma2"
[ema]
half_life = 100000
)";

constexpr const char* toy_energy = R"(
[net]
name = "energy"
[ema]
half_life = 50000
[budget]
images = 768000
)";

constexpr const char* toy_divergence = R"(
[sde]
sigma_max = 20.0
[objective]
name = "cd"
[ema]
half_life = 100000
[budget]
images = 512000
)";

constexpr const char* classifier_settings = R"(
batch = 64
[net]
name = "classifier"
patch = 2
channels = 32
channel_mult = [1, 2]
attention = []
[objective]
name = "cross-entropy"
noise_conditional = false
[optimizer]
lr = 2e-3
decay = 0.5
)";

// NCSN++ at sizes that a CPU trains in minutes to hours, with EDM preconditioning.
constexpr const char* small_ncsnpp = R"(
batch = 64
[sde]
name = "ve"
[net]
name = "ncsnpp"
prediction = "edm"
progressive_input = "residual"
channels = 32
blocks = 1
[optimizer]
lr = 1e-3
warmup = 200
decay = 0.3
[ema]
half_life = 5000
)";
constexpr const char* at_8 = R"(
[net]
channel_mult = [1, 2]
attention = [4]
)";
constexpr const char* at_28 = R"(
[net]
channel_mult = [1, 2, 2]
attention = [7]
)";
constexpr const char* at_64 = R"(
batch = 32
[data]
resize = 64
[net]
channel_mult = [1, 2, 2, 2]
attention = [8]
)";

constexpr Preset preset_table[] = {
    {"quickstart",
     "28x28 pictures in minutes on a CPU: VP, a U-Net on 2x2 patches, EDM preconditioning",
     {quickstart_settings}},
    {"digits", "8x8 digits: a small U-Net that learns in two minutes", {digits_settings}},
    {"toy", "points of the plane: an MLP, half a minute", {toy_settings}},
    {"toy-ssm", "the same by sliced score matching", {toy_settings, toy_sliced}},
    {"toy-ebm", "an energy of the plane by denoising score matching", {toy_settings, toy_energy}},
    {"toy-cd", "an energy of the plane by contrastive divergence", {toy_settings, toy_energy, toy_divergence}},
    {"classifier", "a classifier of clean pictures, to judge samples with", {classifier_settings}},
    {"ncsnpp-8", "8x8 pictures: a small NCSN++ for a CPU", {small_ncsnpp, at_8}},
    {"ncsnpp-28", "28x28 pictures (32x32: net.attention=[8]): a small NCSN++ for a CPU", {small_ncsnpp, at_28}},
    {"ncsnpp-64", "pictures cut to 64x64: a small NCSN++ for a CPU", {small_ncsnpp, at_64}},
    {"cifar10-ncsnpp-ve",
     "CIFAR-10: NCSN++ cont. (VE)",
     {training, cifar10, ncsnpp, ve},
     "ve/cifar10_ncsnpp_continuous"},
    {"cifar10-ncsnpp-deep-ve",
     "CIFAR-10: NCSN++ cont. (deep, VE)",
     {training, cifar10, ncsnpp, deep, ve},
     "ve/cifar10_ncsnpp_deep_continuous"},
    {"cifar10-ncsnpp-vp",
     "CIFAR-10: NCSN++ cont. (VP)",
     {training, cifar10, ncsnpp, vp},
     "vp/cifar10_ncsnpp_continuous"},
    {"cifar10-ncsnpp-deep-vp",
     "CIFAR-10: NCSN++ cont. (deep, VP)",
     {training, cifar10, ncsnpp, deep, vp},
     "vp/cifar10_ncsnpp_deep_continuous"},
    {"cifar10-ncsnpp-sub-vp",
     "CIFAR-10: NCSN++ cont. (sub-VP)",
     {training, cifar10, ncsnpp, sub_vp},
     "subvp/cifar10_ncsnpp_continuous"},
    {"cifar10-ncsnpp-deep-sub-vp",
     "CIFAR-10: NCSN++ cont. (deep, sub-VP)",
     {training, cifar10, ncsnpp, deep, sub_vp},
     "subvp/cifar10_ncsnpp_deep_continuous"},
    {"cifar10-ddpmpp-vp",
     "CIFAR-10: DDPM++ cont. (VP)",
     {training, cifar10, ddpmpp, vp},
     "vp/cifar10_ddpmpp_continuous"},
    {"cifar10-ddpmpp-deep-vp",
     "CIFAR-10: DDPM++ cont. (deep, VP)",
     {training, cifar10, ddpmpp, deep, vp},
     "vp/cifar10_ddpmpp_deep_continuous"},
    {"cifar10-ddpmpp-sub-vp",
     "CIFAR-10: DDPM++ cont. (sub-VP)",
     {training, cifar10, ddpmpp, sub_vp},
     "subvp/cifar10_ddpmpp_continuous"},
    {"cifar10-ddpmpp-deep-sub-vp",
     "CIFAR-10: DDPM++ cont. (deep, sub-VP)",
     {training, cifar10, ddpmpp, deep, sub_vp},
     "subvp/cifar10_ddpmpp_deep_continuous"},
    {"cifar10-ddpm-vp", "CIFAR-10: DDPM cont. (VP)", {training, cifar10, ddpm, vp}, "vp/ddpm/cifar10_continuous"},
    {"cifar10-ddpm-sub-vp",
     "CIFAR-10: DDPM cont. (sub-VP)",
     {training, cifar10, ddpm, sub_vp},
     "subvp/cifar10_ddpm_continuous"},
    {"cifar10-ncsnpp-ve-discrete",
     "CIFAR-10: NCSN++, 1000 levels (VE)",
     {training, cifar10, ncsnpp, ve_discrete},
     "ve/cifar10_ncsnpp"},
    {"cifar10-ddpm-ve-discrete",
     "CIFAR-10: the DDPM network, 1000 levels (VE)",
     {training, cifar10, ddpm, ve_discrete},
     "ve/cifar10_ddpm"},
    {"cifar10-ncsnpp-vp-discrete",
     "CIFAR-10: NCSN++, 1000 steps (VP)",
     {training, cifar10, ncsnpp, vp_discrete},
     "vp/cifar10_ncsnpp"},
    {"cifar10-ddpmpp-vp-discrete",
     "CIFAR-10: DDPM++, 1000 steps (VP)",
     {training, cifar10, ddpmpp, vp_discrete},
     "vp/cifar10_ddpmpp"},
    {"cifar10-ddpm-vp-discrete",
     "CIFAR-10: DDPM, 1000 steps (VP)",
     {training, cifar10, ddpm, vp_discrete},
     "vp/ddpm/cifar10"},
    {"cifar10-ddpm-unconditional",
     "CIFAR-10: DDPM that is not told the time",
     {training, cifar10, ddpm, vp_discrete, unconditional},
     "vp/ddpm/cifar10_unconditional"},
    {"celeba-ncsnpp-ve-discrete",
     "CelebA 64x64: NCSN++, 1000 levels (VE)",
     {training, cifar10, ncsnpp, ve_discrete, celeba},
     "ve/celeba_ncsnpp"},
    {"bedroom-ncsnpp-ve",
     "LSUN bedroom 256x256: NCSN++ cont. (VE)",
     {training, ve, large_ncsnpp, bedroom_noise},
     "ve/bedroom_ncsnpp_continuous"},
    {"church-ncsnpp-ve",
     "LSUN church 256x256: NCSN++ cont. (VE)",
     {training, ve, large_ncsnpp, church_noise},
     "ve/church_ncsnpp_continuous"},
    {"ffhq-256-ncsnpp-ve",
     "FFHQ 256x256: NCSN++ cont. (VE)",
     {training, ve, large_ncsnpp, face_noise},
     "ve/ffhq_256_ncsnpp_continuous"},
    {"celebahq-256-ncsnpp-ve",
     "CelebA-HQ 256x256: NCSN++ cont. (VE)",
     {training, ve, large_ncsnpp, face_noise},
     "ve/celebahq_256_ncsnpp_continuous"},
    {"ffhq-1024-ncsnpp-ve",
     "FFHQ 1024x1024: NCSN++ cont. (VE)",
     {training, ve, huge_ncsnpp, mean_over_pixels},
     "ve/ffhq_ncsnpp_continuous"},
    {"celebahq-1024-ncsnpp-ve",
     "CelebA-HQ 1024x1024: NCSN++ cont. (VE)",
     {training, ve, huge_ncsnpp, mean_over_pixels},
     "ve/celebahq_ncsnpp_continuous"},
    {"bedroom-ddpm-vp-discrete",
     "LSUN bedroom 256x256: DDPM, 1000 steps (VP)",
     {training, vp_discrete, large_ddpm},
     "vp/ddpm/bedroom"},
    {"church-ddpm-vp-discrete",
     "LSUN church 256x256: DDPM, 1000 steps (VP)",
     {training, vp_discrete, large_ddpm},
     "vp/ddpm/church"},
    {"celebahq-ddpm-vp-discrete",
     "CelebA-HQ 256x256: DDPM, 1000 steps (VP)",
     {training, vp_discrete, large_ddpm},
     "vp/ddpm/celebahq"},
    {"cifar10-ncsn", "CIFAR-10: NCSN", {training, ncsn}, "ve/ncsn/cifar10"},
    {"celeba-ncsn", "CelebA 64x64: NCSN", {training, ncsn, celeba_pixels}, "ve/ncsn/celeba"},
    {"cifar10-ncsn-5", "CIFAR-10: NCSN with a moving average", {training, ncsn, average}, "ve/ncsn/cifar10_5"},
    {"celeba-ncsn-5",
     "CelebA 64x64: NCSN with a moving average",
     {training, ncsn, average, celeba_pixels},
     "ve/ncsn/celeba_5"},
    {"cifar10-ncsn-124",
     "CIFAR-10: NCSN with NCSNv2's noise levels",
     {training, ncsn, cifar10_levels},
     "ve/ncsn/cifar10_124"},
    {"celeba-ncsn-124",
     "CelebA 64x64: NCSN with NCSNv2's noise levels",
     {training, ncsn, celeba_levels, celeba_pixels},
     "ve/ncsn/celeba_124"},
    {"cifar10-ncsn-1245",
     "CIFAR-10: NCSN with NCSNv2's noise levels and moving average",
     {training, ncsn, cifar10_levels, average},
     "ve/ncsn/cifar10_1245"},
    {"celeba-ncsn-1245",
     "CelebA 64x64: NCSN with NCSNv2's noise levels and moving average",
     {training, ncsn, celeba_levels, average, celeba_pixels},
     "ve/ncsn/celeba_1245"},
    {"cifar10-ncsnv2", "CIFAR-10: NCSNv2", {training, ncsn, cifar10_levels, average, ncsnv2}, "ve/ncsnv2/cifar10"},
    {"celeba-ncsnv2",
     "CelebA 64x64: NCSNv2",
     {training, ncsn, celeba_levels, average, ncsnv2, celeba_pixels},
     "ve/ncsnv2/celeba"},
    {"bedroom-ncsnv2", "LSUN bedroom 128x128: NCSNv2", {training, ncsn, ncsnv2, bedroom_ncsnv2}, "ve/ncsnv2/bedroom"},
};

}  // namespace

std::span<const Preset> presets() { return preset_table; }

Json preset_settings(const Preset& preset) {
  Json settings = Json::object();
  for (const std::string_view part : preset.parts)
    settings.merge_patch(parse_toml(part, "preset " + std::string(preset.name)));
  return settings;
}

}  // namespace scoresde
