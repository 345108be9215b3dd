#pragma once
#include <Eigen/Core>

namespace scoresde {

/// Samples to work on: a row is a sample, its D values flattened (images as C, H, W). Double throughout the
/// mathematics: a state of some thousand values costs nothing beside a network; networks cast to float32 at their
/// own door.
using Batch = Eigen::Array<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// One time a row: adaptive methods give each row its own.
using Times = Eigen::ArrayXd;

using Index = Eigen::Index;

/// The same time for every one of `rows` rows.
inline Times times_of(Index rows, double t) { return Times::Constant(rows, t); }

}  // namespace scoresde
