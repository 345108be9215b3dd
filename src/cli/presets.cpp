#include "cli/presets.h"

namespace scoresde {
namespace {

// Chosen by looking at samples after a few minutes on 2 cores. The decay is what makes a short run sharp.
constexpr Preset table[] = {
    {"quickstart", "28x28 pictures in minutes on a CPU: VP, a U-Net on 2x2 patches, EDM preconditioning", R"(
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
)"},
    {"digits", "8x8 digits: a small U-Net that learns in two minutes", R"(
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
)"},
    {"toy", "points of the plane: an MLP", R"(
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
)"},
    {"classifier", "a classifier of clean pictures, to judge samples with", R"(
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
)"},
};

}  // namespace

std::span<const Preset> presets() { return table; }

}  // namespace scoresde
