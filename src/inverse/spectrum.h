#pragma once
#include <vector>

#include "inverse/operator.h"

namespace scoresde {

/// V = I: the operator weighs each value by its singular value.
std::shared_ptr<const Spectrum> pointwise_spectrum(Eigen::ArrayXd singular_values);

/// Groups of values of which only the projection onto one unit vector `seen` is measured, `singular_value` times. V is
/// the Householder reflection of every group that turns its first value into that projection.
/// groups: disjoint, each as long as `seen`; they cover all of `inputs`.
std::shared_ptr<const Spectrum> projection_spectrum(Index inputs, std::vector<std::vector<Index>> groups,
                                                    const Vector& seen, double singular_value);

/// Channels of height x width pictures, with the singular value decompositions of one matrix for columns of pixels and
/// one for rows: A = channel by channel, left X right^T.
std::shared_ptr<const Spectrum> separable_spectrum(const ItemShape& shape, const Eigen::MatrixXd& left,
                                                   const Eigen::MatrixXd& right);

/// Any orthogonal V (inputs x inputs, singular vectors in its columns).
std::shared_ptr<const Spectrum> dense_spectrum(Eigen::MatrixXd v, Eigen::ArrayXd singular_values);

/// The spectrum of `base` with singular values multiplied by `factor`.
std::shared_ptr<const Spectrum> scaled_spectrum(std::shared_ptr<const Spectrum> base, double factor);

/// Singular values below 1e-7 of the largest, which a pseudo-inverse must not divide by, as 0.
Eigen::ArrayXd without_tiny(Eigen::ArrayXd singular_values);

}  // namespace scoresde
