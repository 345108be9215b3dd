#pragma once
#include "metrics/metric.h"

namespace scoresde {

/// The debiased Sinkhorn divergence OT(x, y) - OT(x, x) / 2 - OT(y, y) / 2 of squared distances with entropic
/// regularisation epsilon > 0 (Genevay et al. 2018; Feydy et al. 2019, eq. 3), in the log domain. Not negative, 0 for
/// x = y; W_2^2 for small epsilon. O(rows^2) an iteration.
double sinkhorn_divergence(const Batch& x, const Batch& y, double epsilon);

}  // namespace scoresde
