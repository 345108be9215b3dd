#pragma once
#include <span>

#include "inverse/operator.h"

namespace scoresde {

/// The law of measured values around A(x), in the units of the data.
struct MeasurementNoise {
  double sigma = 0;  ///< N(0, sigma^2)
  double peak = 0;   ///< above 0: Poisson instead, counts of mean peak A(x), divided by peak; sigma must be 0

  bool poisson() const { return peak > 0; }
};

/// Error{usage} for a negative sigma or peak, one that is not finite, or both.
void check_noise(const MeasurementNoise& noise);

/// A(x) + noise of every row. Row k is a function of (x, seed, ids[k]) alone. Error{data} where Poisson counts have a
/// negative mean.
Batch simulate(const Operator& op, const Batch& x, const MeasurementNoise& noise, std::uint64_t seed,
               std::span<const std::uint64_t> ids);

/// How rows in model units become data: data = scale x + shift, value by value.
struct DataUnits {
  Eigen::ArrayXd scale, shift;

  /// Pictures: model units are [-1, 1], those of the data 0 (black) to 1 (white).
  static DataUnits of_pictures(Index size);
};

/// What was measured, in model units: y = A(x) + N(0, sigma^2 I). A row of y belongs to the row of x of the same
/// number.
struct Measurement {
  std::shared_ptr<const Operator> op;
  Batch y;
  double sigma = 0;

  Index rows() const { return y.rows(); }

  /// The same for some of the rows.
  Measurement slice(Index first, Index count) const { return {op, y.middleRows(first, count), sigma}; }

  /// `rows` times the only row.
  Measurement repeated(Index rows) const { return {op, y.replicate(rows, 1), sigma}; }
};

/// The measurement y (in the units of the data, a row a sample) for methods. Poisson noise is taken for Gaussian of the
/// variance that the counts themselves give, max(count, 1) / peak^2, and the values are divided by its root; that
/// operator has no spectrum. Error{data} for values that are not finite or of the wrong number.
Measurement in_model_units(std::shared_ptr<const Operator> op, const Batch& y, const MeasurementNoise& noise,
                           const DataUnits& units);

/// |y - A x|^2 / sigma^2 per measured value of every row: 1 where x explains y, give or take sqrt(2 / values). Of
/// sigma = 0: the share of |y|^2 that is not explained.
Times residual_chi_square(const Measurement& measurement, const Batch& x);

}  // namespace scoresde
