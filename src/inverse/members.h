#pragma once
#include "inverse/operator.h"

namespace scoresde {

// The makers of the table of operators; catalog.cpp says what each is.
using OperatorMaker = std::unique_ptr<Operator>(const ItemShape&, const OperatorOptions&, const OperatorInputs&);
OperatorMaker make_denoise, make_inpaint, make_inpaint_centre, make_inpaint_box, make_inpaint_random, make_grey,
    make_luminance, make_super_resolution, make_super_resolution_bicubic, make_gaussian_blur, make_motion_blur,
    make_compressed, make_hadamard, make_radon, make_mri, make_matrix, make_phase_retrieval, make_clip;

/// Error{usage} that says `operator` is of pictures, where `shape` is none.
void require_picture(const ItemShape& shape, std::string_view name);

/// The first n of a permutation of [0, all) that the seed fixes, ascending.
std::vector<Index> random_choice(Index all, Index n, long long seed);

}  // namespace scoresde
