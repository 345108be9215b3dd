#include "cli/presets.h"

namespace scoresde {
namespace {

// Settings were chosen on 2 cores; the note behind each says what they cost there.
constexpr Preset table[] = {
    {"quickstart", "28x28 pictures on a CPU in minutes: a patched U-Net, EDM preconditioning", R"(
batch = 64
[sde]
name = "edm"
[net]
name = "unet"
prediction = "edm"
patch = 2
channels = 48
channel_mult = [1, 2]
attention = [7]
)"},
    {"digits", "8x8 digits: a small U-Net that learns in two minutes", R"(
batch = 64
[sde]
name = "vp"
[net]
name = "unet"
prediction = "velocity"
channels = 32
channel_mult = [1, 2]
attention = [4]
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
)"},
};

}  // namespace

std::span<const Preset> presets() { return table; }

}  // namespace scoresde
