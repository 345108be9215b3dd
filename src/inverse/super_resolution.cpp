#include <cmath>

#include "inverse/members.h"
#include "inverse/spectrum.h"

namespace scoresde {
namespace {

using Plane = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// Keys' cubic, a = -1/2.
double keys(double x) {
  x = std::abs(x);
  if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
  return x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0;
}

/// Weights that resample `from` values to `to`, stretched where they become fewer; what falls beyond the border is left
/// out and the rest renormalised.
Eigen::MatrixXd cubic_resampling(int from, int to) {
  const double ratio = static_cast<double>(from) / to, stretch = std::max(1.0, ratio);
  Eigen::MatrixXd weights(to, from);
  for (int i = 0; i < to; ++i)
    for (int j = 0; j < from; ++j) weights(i, j) = keys((j + 0.5 - (i + 0.5) * ratio) / stretch);
  for (int i = 0; i < to; ++i) weights.row(i) /= weights.row(i).sum();
  return weights;
}

Eigen::MatrixXd block_means(int from, int to) {
  Eigen::MatrixXd weights = Eigen::MatrixXd::Zero(to, from);
  const int factor = from / to;
  for (int j = 0; j < from; ++j) weights(j / factor, j) = 1.0 / factor;
  return weights;
}

/// left X right^T for every channel X.
class Downsampling : public Operator {
 public:
  Downsampling(const ItemShape& shape, int factor, Eigen::MatrixXd left, Eigen::MatrixXd right)
      : shape_(shape),
        small_{shape.channels, shape.height / factor, shape.width / factor, true},
        left_(std::move(left)),
        right_(std::move(right)),
        spectrum_(separable_spectrum(shape, left_, right_)) {}

  Index inputs() const override { return shape_.size(); }
  Index outputs() const override { return small_.size(); }
  std::shared_ptr<const Spectrum> spectrum() const override { return spectrum_; }
  Vector apply(const Vector& x) const override { return resampled(x, shape_, small_, left_, right_); }
  Vector adjoint(const Vector& y) const override {
    return resampled(y, small_, shape_, left_.transpose(), right_.transpose());
  }

  /// Bicubic interpolation.
  Vector baseline(const Vector& y, double) const override {
    return resampled(y, small_, shape_, cubic_resampling(small_.height, shape_.height),
                     cubic_resampling(small_.width, shape_.width));
  }

  ItemShape measured_shape() const override { return small_; }

 private:
  static Vector resampled(const Vector& x, const ItemShape& from, const ItemShape& to, const Eigen::MatrixXd& left,
                          const Eigen::MatrixXd& right) {
    Vector y(to.size());
    for (Index c = 0; c < from.channels; ++c)
      Eigen::Map<Plane>(y.data() + c * to.height * to.width, to.height, to.width) =
          left * Eigen::Map<const Plane>(x.data() + c * from.height * from.width, from.height, from.width) *
          right.transpose();
    return y;
  }

  ItemShape shape_, small_;
  Eigen::MatrixXd left_, right_;
  std::shared_ptr<const Spectrum> spectrum_;
};

std::unique_ptr<Operator> downsampling(std::string_view name, const ItemShape& shape, int factor,
                                       Eigen::MatrixXd (*weights)(int from, int to)) {
  require_picture(shape, name);
  if (shape.height % factor || shape.width % factor)
    fail(Failure::usage, "factor = {} does not divide pictures of {} x {}", factor, shape.width, shape.height);
  return std::make_unique<Downsampling>(shape, factor, weights(shape.height, shape.height / factor),
                                        weights(shape.width, shape.width / factor));
}

}  // namespace

std::unique_ptr<Operator> make_super_resolution(const ItemShape& shape, const OperatorOptions& options,
                                                const OperatorInputs&) {
  return downsampling("super-resolution", shape, options.factor, block_means);
}

std::unique_ptr<Operator> make_super_resolution_bicubic(const ItemShape& shape, const OperatorOptions& options,
                                                        const OperatorInputs&) {
  return downsampling("super-resolution-bicubic", shape, options.factor, cubic_resampling);
}

}  // namespace scoresde
