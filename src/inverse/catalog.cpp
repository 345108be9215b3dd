#include "inverse/members.h"

namespace scoresde {
namespace {

constexpr OperatorEntry operator_table[] = {
    {"denoise", "the sample itself, noisy", "", "", true, true, make_denoise},
    {"inpaint", "the pixels where a mask is white", "", "mask", true, true, make_inpaint},
    {"inpaint-centre", "all but a square in the middle", "hole", "", true, true, make_inpaint_centre},
    {"inpaint-box", "all but a box", "box", "", true, true, make_inpaint_box},
    {"inpaint-random", "a share of the pixels, at random", "keep seed", "", true, true, make_inpaint_random},
    {"grey", "the mean of the colours: what the orthogonal matrix of Song et al. 2021, app. I.3 leaves", "", "", true,
     false, make_grey},
    {"luminance", "the brightness of Rec. 601, 0.299 R + 0.587 G + 0.114 B", "", "", true, false, make_luminance},
    {"super-resolution", "means of factor x factor pixels", "factor", "", true, false, make_super_resolution},
    {"super-resolution-bicubic", "resampled by Keys' cubic stretched by the factor", "factor", "", true, false,
     make_super_resolution_bicubic},
    {"gaussian-blur", "convolution with a Gaussian, periodic at the border", "width", "", true, false,
     make_gaussian_blur},
    {"motion-blur", "convolution with a line, periodic at the border", "length direction", "", true, false,
     make_motion_blur},
    {"compressed", "random Gaussian sums of all values", "keep seed", "", true, false, make_compressed},
    {"hadamard", "Walsh-Hadamard coefficients at random, of values in random order and signs", "keep seed", "", true,
     false, make_hadamard},
    {"ct", "line integrals: the parallel-beam Radon transform", "angles angle_range detectors", "", true, false,
     make_radon},
    {"mri", "columns of the Fourier transform, all those in the middle and others at random",
     "acceleration centre coils seed", "[maps]", true, false, make_mri},
    {"matrix", "a matrix of your own", "", "matrix", true, false, make_matrix},
    {"phase-retrieval", "moduli of the Fourier transform of the padded picture", "oversampling", "", false, false,
     make_phase_retrieval},
    {"clip", "exposed too long: min(gain x, white)", "gain", "", false, false, make_clip},
};

}  // namespace

std::span<const OperatorEntry> operators() { return operator_table; }

void require_picture(const ItemShape& shape, std::string_view name) {
  if (!shape.image) fail(Failure::usage, "operator {} is of pictures, not of {}", name, to_text(shape));
}

}  // namespace scoresde
