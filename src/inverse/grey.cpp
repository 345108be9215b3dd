#include "inverse/members.h"
#include "inverse/spectrum.h"

namespace scoresde {
namespace {

/// One weighted sum of the colours a pixel.
class ColourSum : public Operator {
 public:
  ColourSum(const ItemShape& shape, const Eigen::Array3d& weights) : shape_(shape), weights_(weights) {
    std::vector<std::vector<Index>> groups;
    for (Index i = 0; i < outputs(); ++i) groups.push_back({i, outputs() + i, 2 * outputs() + i});
    const double size = weights.matrix().norm();
    spectrum_ = projection_spectrum(inputs(), std::move(groups), weights.matrix() / size, size);
  }

  Index inputs() const override { return shape_.size(); }
  Index outputs() const override { return Index{1} * shape_.height * shape_.width; }
  std::shared_ptr<const Spectrum> spectrum() const override { return spectrum_; }

  Vector apply(const Vector& x) const override {
    Vector y = weights_[0] * x.head(outputs());
    for (Index c = 1; c < 3; ++c) y += weights_[c] * x.segment(c * outputs(), outputs());
    return y;
  }

  Vector adjoint(const Vector& y) const override {
    Vector x(inputs());
    for (Index c = 0; c < 3; ++c) x.segment(c * outputs(), outputs()) = weights_[c] * y;
    return x;
  }

  /// The grey picture.
  Vector baseline(const Vector& y, double) const override { return y.replicate(3, 1); }

  ItemShape measured_shape() const override { return {1, shape_.height, shape_.width, true}; }

 private:
  ItemShape shape_;
  Eigen::Array3d weights_;
  std::shared_ptr<const Spectrum> spectrum_;
};

std::unique_ptr<Operator> colour_sum(std::string_view name, const ItemShape& shape, const Eigen::Array3d& weights) {
  require_picture(shape, name);
  if (shape.channels != 3)
    fail(Failure::usage, "operator {} is of colours; these samples are of {}", name, to_text(shape));
  return std::make_unique<ColourSum>(shape, weights);
}

}  // namespace

std::unique_ptr<Operator> make_grey(const ItemShape& shape, const OperatorOptions&, const OperatorInputs&) {
  return colour_sum("grey", shape, Eigen::Array3d::Constant(1.0 / 3));
}

std::unique_ptr<Operator> make_luminance(const ItemShape& shape, const OperatorOptions&, const OperatorInputs&) {
  return colour_sum("luminance", shape, {0.299, 0.587, 0.114});
}

}  // namespace scoresde
