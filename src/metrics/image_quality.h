#pragma once
#include "core/batch.h"
#include "core/item_shape.h"

namespace scoresde {

/// Peak signal-to-noise ratio 10 log10(range^2 / mean squared error) of every row, in decibels; `range` is white minus
/// black (2 in model units). Equal rows give infinity. Error{usage} where shapes differ.
Times psnr(const Batch& x, const Batch& truth, double range = 2);

/// Structural similarity (Wang et al. 2004) of every picture, in [-1, 1]: Gaussian window of deviation 1.5 and 11
/// pixels a side, K1 = 0.01, K2 = 0.03, mean over the places where the window lies inside, and over channels; as
/// skimage.metrics.structural_similarity(gaussian_weights=True, sigma=1.5, use_sample_covariance=False,
/// data_range=range) cropped alike. Pictures smaller than the window get the largest odd window that fits. Error{usage}
/// where shapes differ.
Times ssim(const Batch& x, const Batch& truth, const ItemShape& shape, double range = 2);

}  // namespace scoresde
