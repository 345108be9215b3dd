#include <cmath>
#include <numbers>
#include <vector>

#include "inverse/members.h"

namespace scoresde {
namespace {

using RayMatrix = Eigen::SparseMatrix<double, Eigen::RowMajor>;

/// Geometry of a parallel beam around the middle of the picture; a pixel's side is 1.
struct Beam {
  int height, width, angles, detectors;
  double step;  ///< radians between two projections

  double angle(int k) const { return k * step; }
  double place(int bin) const { return bin - 0.5 * (detectors - 1); }
};

/// Line integrals by Joseph's method (1982): a ray is followed row by row or column by column, whichever it crosses
/// more steeply, with linear interpolation between neighbours.
RayMatrix ray_matrix(const Beam& beam) {
  std::vector<Eigen::Triplet<double>> entries;
  for (int k = 0; k < beam.angles; ++k) {
    const double c = std::cos(beam.angle(k)), s = std::sin(beam.angle(k));
    const bool by_rows = std::abs(c) >= std::abs(s);
    const int lines = by_rows ? beam.height : beam.width, across = by_rows ? beam.width : beam.height;
    for (int bin = 0; bin < beam.detectors; ++bin)
      for (int line = 0; line < lines; ++line) {
        const double along = line - 0.5 * (lines - 1);
        const double place =
            (by_rows ? (beam.place(bin) - along * s) / c : (beam.place(bin) - along * c) / s) + 0.5 * (across - 1);
        const double weight = 1 / std::abs(by_rows ? c : s), below = std::floor(place);
        for (int side = 0; side < 2; ++side) {
          const int at = static_cast<int>(below) + side;
          const double share = side ? place - below : 1 - place + below;
          if (at < 0 || at >= across || share == 0) continue;
          const int pixel = by_rows ? line * beam.width + at : at * beam.width + line;
          entries.emplace_back(k * beam.detectors + bin, pixel, weight * share);
        }
      }
  }
  RayMatrix matrix(Index{1} * beam.angles * beam.detectors, Index{1} * beam.height * beam.width);
  matrix.setFromTriplets(entries.begin(), entries.end());
  return matrix;
}

class Radon : public Operator {
 public:
  Radon(const ItemShape& shape, const Beam& beam) : shape_(shape), beam_(beam), rays_(ray_matrix(beam)) {}

  Index inputs() const override { return shape_.size(); }
  Index outputs() const override { return shape_.channels * rays_.rows(); }
  Vector apply(const Vector& x) const override {
    Vector y(outputs());
    for (Index c = 0; c < shape_.channels; ++c)
      y.segment(c * rays_.rows(), rays_.rows()) = rays_ * x.segment(c * rays_.cols(), rays_.cols());
    return y;
  }

  Vector adjoint(const Vector& y) const override {
    Vector x(inputs());
    for (Index c = 0; c < shape_.channels; ++c)
      x.segment(c * rays_.cols(), rays_.cols()) = rays_.transpose() * y.segment(c * rays_.rows(), rays_.rows());
    return x;
  }

  /// Filtered back-projection with the ramp filter (Ramachandran & Lakshminarayanan 1971): values 1/4 at 0 and
  /// -1/(pi n)^2 at odd n.
  Vector baseline(const Vector& y, double) const override {
    Vector filtered = Vector::Zero(y.size());
    const Index bins = beam_.detectors;
    for (Index first = 0; first < y.size(); first += bins)
      for (Index i = 0; i < bins; ++i) {
        double sum = 0.25 * y[first + i];
        for (Index j = (i + 1) % 2; j < bins; j += 2)
          sum -= y[first + j] / std::pow(std::numbers::pi * static_cast<double>(i - j), 2);
        filtered[first + i] = sum;
      }
    return beam_.step * adjoint(filtered);
  }

  ItemShape measured_shape() const override { return {shape_.channels, beam_.angles, beam_.detectors, true}; }

 private:
  ItemShape shape_;
  Beam beam_;
  RayMatrix rays_;
};

}  // namespace

std::unique_ptr<Operator> make_radon(const ItemShape& shape, const OperatorOptions& options, const OperatorInputs&) {
  require_picture(shape, "ct");
  if (options.angles < 1) fail(Failure::usage, "angles = 0: without a projection nothing is measured");
  const int diagonal = static_cast<int>(std::ceil(std::hypot(shape.height, shape.width)));
  const Beam beam{shape.height, shape.width, options.angles, options.detectors > 0 ? options.detectors : diagonal,
                  options.angle_range * std::numbers::pi / 180 / options.angles};
  return std::make_unique<Radon>(shape, beam);
}

}  // namespace scoresde
