#pragma once
#include "metrics/metric.h"

namespace scoresde {

/// exp of the entropy of the eigenvalues of K / n, K the similarities of n rows with K_ii = 1: how many rows, all
/// different, would be as diverse (Friedman & Dieng 2023, eq. 2). Between 1 and n.
double vendi_score(const Batch& similarities);

}  // namespace scoresde
