#pragma once

// Settings that several of the paper's configurations share (score_sde's configs/, Song et al. 2021, app. H). VE's
// sigma is twice the paper's, because pixels run from -1 to 1 here and from 0 to 1 there.
namespace scoresde::preset_parts {

inline constexpr const char* training = R"(
batch = 128
[data]
flip = true
[optimizer]
lr = 2e-4
beta2 = 0.999
warmup = 5000
clip_rule = "norm+1e-6"
[objective]
weighting = "sigma2"
time_sampling = "uniform"
low_discrepancy = false
[checkpoint]
minutes = 20
)";

inline constexpr const char* cifar10 = R"(
[budget]
images = 166400000
[net]
channels = 128
blocks = 4
channel_mult = [1, 2, 2, 2]
attention = [16]
dropout = 0.1
embedding = "positional"
)";

inline constexpr const char* deep = R"(
[budget]
images = 121600000
[net]
blocks = 8
)";

inline constexpr const char* ncsnpp = R"(
[net]
name = "ncsnpp"
progressive_input = "residual"
)";

inline constexpr const char* ddpmpp = R"(
[net]
name = "ncsnpp"
fir = false
)";

inline constexpr const char* ddpm = R"(
[net]
name = "ddpm"
blocks = 2
)";

// Continuous VE.
inline constexpr const char* ve = R"(
[sde]
name = "ve"
sigma_min = 0.02
sigma_max = 100
[net]
prediction = "song-score"
embedding = "fourier"
fourier_scale = 16
scale_by_sigma = true
[objective]
reduce_mean = false
[ema]
rate = 0.999
)";

// N noise levels.
inline constexpr const char* ve_discrete = R"(
[sde]
name = "ve"
sigma_min = 0.02
sigma_max = 100
[net]
prediction = "song-level"
scale_by_sigma = true
[objective]
name = "smld"
reduce_mean = false
[ema]
rate = 0.999
)";

inline constexpr const char* vp = R"(
[sde]
name = "vp"
[net]
prediction = "song-noise"
[ema]
rate = 0.9999
)";

inline constexpr const char* sub_vp = R"(
[sde]
name = "sub-vp"
[net]
prediction = "song-noise"
[ema]
rate = 0.9999
)";

inline constexpr const char* vp_discrete = R"(
[sde]
name = "vp"
[net]
prediction = "ddpm"
[objective]
name = "ddpm"
[ema]
rate = 0.9999
)";

inline constexpr const char* celeba = R"(
[data]
resize = 64
[sde]
sigma_max = 180
[net]
sigma_max = 90
)";

inline constexpr const char* large_ncsnpp = R"(
batch = 64
[budget]
images = 153600000
[data]
resize = 256
[net]
name = "ncsnpp"
channels = 128
blocks = 2
channel_mult = [1, 1, 2, 2, 2, 2, 2]
attention = [16]
progressive_input = "input_skip"
progressive = "output_skip"
)";

inline constexpr const char* huge_ncsnpp = R"(
batch = 8
[budget]
images = 19200000
[data]
resize = 1024
[sde]
sigma_max = 2696
[net]
name = "ncsnpp"
channels = 16
blocks = 1
channel_mult = [1, 2, 4, 8, 16, 32, 32, 32]
attention = [16]
progressive_input = "input_skip"
progressive = "output_skip"
[ema]
rate = 0.9999
)";

inline constexpr const char* bedroom_noise = R"(
[sde]
sigma_max = 756
)";
inline constexpr const char* church_noise = R"(
[sde]
sigma_max = 760
)";
inline constexpr const char* face_noise = R"(
[sde]
sigma_max = 696
)";
inline constexpr const char* mean_over_pixels = R"(
[objective]
reduce_mean = true
)";

inline constexpr const char* large_ddpm = R"(
batch = 64
[budget]
images = 153600000
[data]
resize = 256
[optimizer]
lr = 2e-5
[net]
name = "ddpm"
channels = 128
blocks = 2
channel_mult = [1, 1, 2, 2, 4, 4]
attention = [16]
embedding = "positional"
)";

// NCSN of Song & Ermon (2019): ten levels.
inline constexpr const char* ncsn = R"(
[sde]
name = "ve"
sigma_min = 0.02
sigma_max = 2
[net]
name = "ncsn"
channels = 128
nonlinearity = "elu"
prediction = "song-level"
levels = 10
sigma_min = 0.01
sigma_max = 1
[objective]
name = "smld"
levels = 10
reduce_mean = false
[optimizer]
lr = 1e-3
warmup = 0
clip = 0
[ema]
half_life = 0
)";

// Techniques 1, 2 and 4 of Song & Ermon (2020): the noise levels.
inline constexpr const char* cifar10_levels = R"(
[sde]
sigma_max = 100
[net]
levels = 232
sigma_max = 50
[objective]
levels = 232
)";
inline constexpr const char* celeba_levels = R"(
[sde]
sigma_max = 180
[net]
levels = 500
sigma_max = 90
[objective]
levels = 500
)";
inline constexpr const char* celeba_pixels = R"(
[data]
resize = 64
)";

// Technique 5: the moving average.
inline constexpr const char* average = R"(
[ema]
rate = 0.999
)";

// Technique 3: one network for all levels, divided by sigma.
inline constexpr const char* ncsnv2 = R"(
[net]
name = "ncsnv2"
scale_by_sigma = true
[optimizer]
lr = 1e-4
)";

inline constexpr const char* bedroom_ncsnv2 = R"(
[data]
resize = 128
[sde]
sigma_max = 380
[net]
levels = 1086
sigma_max = 190
[objective]
levels = 1086
[ema]
rate = 0.9999
)";

inline constexpr const char* unconditional = R"(
[net]
conditional = false
)";

}  // namespace scoresde::preset_parts
