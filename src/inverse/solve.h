#pragma once
#include "inverse/operator.h"

namespace scoresde {

// Linear systems of a linear operator: by its spectrum in one transform, without one by conjugate gradients on
// A^T A + shift I (100 iterations, or a residual of 1e-6 of the right side).

/// (A^T A + shift I)^-1 b, shift >= 0; with shift = 0, b in the range of A^T and the least solution near `start`.
Vector solve_shifted(const Operator& op, const Vector& b, double shift, const Vector& start);

/// The z with least |y - A z|^2 + weight |z - x|^2; weight 0: the point nearest to x that explains y best.
Vector proximal(const Operator& op, const Vector& y, const Vector& x, double weight);

/// A^+ y.
Vector pseudo_inverse(const Operator& op, const Vector& y);

/// The z with least |y - A z|^2 / 2 + weight TV(z), isotropic total variation of a picture of `shape`, by `iterations`
/// of Chambolle & Pock (2011, algorithm 1): the classical baseline for sparse measurements.
Vector total_variation(const Operator& op, const Vector& y, const ItemShape& shape, double weight,
                       int iterations = 300);

/// The largest singular value, by 30 power iterations from a fixed start (from below, to a percent or so).
double operator_norm(const Operator& op);

}  // namespace scoresde
