#include "inverse/spectrum.h"

#include <Eigen/SVD>
#include <cmath>

namespace scoresde {
namespace {

class PointwiseSpectrum : public Spectrum {
 public:
  using Spectrum::Spectrum;
  Vector analyse(const Vector& x) const override { return x; }
  Vector synthesise(const Vector& c) const override { return c; }
};

class ProjectionSpectrum : public Spectrum {
 public:
  ProjectionSpectrum(Eigen::ArrayXd s, std::vector<std::vector<Index>> groups, const Vector& seen)
      : Spectrum(std::move(s)), groups_(std::move(groups)), mirror_(seen) {
    // From seen to the first axis, by the sign that loses no digits: the coefficient is then -seen . x or seen . x.
    sign_ = seen[0] > 0 ? -1 : 1;
    mirror_[0] -= sign_;
    mirror_.normalize();
  }

  Vector analyse(const Vector& x) const override {
    Vector c = reflected(x);
    for (const auto& group : groups_) c[group.front()] *= sign_;
    return c;
  }

  Vector synthesise(const Vector& c) const override {
    Vector x = c;
    for (const auto& group : groups_) x[group.front()] *= sign_;
    return reflected(x);
  }

 private:
  Vector reflected(const Vector& x) const {
    Vector y = x;
    for (const auto& group : groups_) {
      double along = 0;
      for (std::size_t k = 0; k < group.size(); ++k) along += mirror_[static_cast<Index>(k)] * x[group[k]];
      for (std::size_t k = 0; k < group.size(); ++k) y[group[k]] -= 2 * along * mirror_[static_cast<Index>(k)];
    }
    return y;
  }

  std::vector<std::vector<Index>> groups_;
  Vector mirror_;
  double sign_;
};

using PictureMatrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

class SeparableSpectrum : public Spectrum {
 public:
  SeparableSpectrum(const ItemShape& shape, Eigen::ArrayXd s, Eigen::MatrixXd left, Eigen::MatrixXd right)
      : Spectrum(std::move(s)), shape_(shape), left_(std::move(left)), right_(std::move(right)) {}

  Vector analyse(const Vector& x) const override { return both_sides(x, left_.transpose(), right_); }
  Vector synthesise(const Vector& c) const override { return both_sides(c, left_, right_.transpose()); }

 private:
  Vector both_sides(const Vector& x, const Eigen::MatrixXd& from_left, const Eigen::MatrixXd& from_right) const {
    Vector y(x.size());
    const Index plane = Index{1} * shape_.height * shape_.width;
    for (Index c = 0; c < shape_.channels; ++c)
      Eigen::Map<PictureMatrix>(y.data() + c * plane, shape_.height, shape_.width) =
          from_left * Eigen::Map<const PictureMatrix>(x.data() + c * plane, shape_.height, shape_.width) * from_right;
    return y;
  }

  ItemShape shape_;
  Eigen::MatrixXd left_, right_;
};

class DenseSpectrum : public Spectrum {
 public:
  DenseSpectrum(Eigen::MatrixXd v, Eigen::ArrayXd s) : Spectrum(std::move(s)), v_(std::move(v)) {}
  Vector analyse(const Vector& x) const override { return v_.transpose() * x; }
  Vector synthesise(const Vector& c) const override { return v_ * c; }

 private:
  Eigen::MatrixXd v_;
};

class ScaledSpectrum : public Spectrum {
 public:
  ScaledSpectrum(std::shared_ptr<const Spectrum> base, double factor)
      : Spectrum(base->singular_values() * factor), base_(std::move(base)) {}
  Vector analyse(const Vector& x) const override { return base_->analyse(x); }
  Vector synthesise(const Vector& c) const override { return base_->synthesise(c); }

 private:
  std::shared_ptr<const Spectrum> base_;
};

/// All right singular vectors of a matrix, also those that it does not see, and as many singular values.
struct RightSide {
  Eigen::MatrixXd v;
  Eigen::ArrayXd s;
};

RightSide right_side(const Eigen::MatrixXd& matrix) {
  const Eigen::BDCSVD<Eigen::MatrixXd> svd(matrix, Eigen::ComputeFullV);
  Eigen::ArrayXd s = Eigen::ArrayXd::Zero(matrix.cols());
  s.head(svd.singularValues().size()) = svd.singularValues().array();
  return {svd.matrixV(), s};
}

}  // namespace

Eigen::ArrayXd without_tiny(Eigen::ArrayXd s) {
  const double least = 1e-7 * (s.size() > 0 ? s.maxCoeff() : 0);
  for (double& value : s)
    if (value <= least) value = 0;
  return s;
}

std::shared_ptr<const Spectrum> pointwise_spectrum(Eigen::ArrayXd s) {
  return std::make_shared<PointwiseSpectrum>(std::move(s));
}

std::shared_ptr<const Spectrum> projection_spectrum(Index inputs, std::vector<std::vector<Index>> groups,
                                                    const Vector& seen, double singular_value) {
  Eigen::ArrayXd s = Eigen::ArrayXd::Zero(inputs);
  for (const auto& group : groups) s[group.front()] = singular_value;
  return std::make_shared<ProjectionSpectrum>(std::move(s), std::move(groups), seen);
}

std::shared_ptr<const Spectrum> separable_spectrum(const ItemShape& shape, const Eigen::MatrixXd& left,
                                                   const Eigen::MatrixXd& right) {
  const RightSide down = right_side(left), across = right_side(right);
  Eigen::ArrayXd s(shape.size());
  Index k = 0;
  for (int c = 0; c < shape.channels; ++c)
    for (Index i = 0; i < shape.height; ++i)
      for (Index j = 0; j < shape.width; ++j) s[k++] = down.s[i] * across.s[j];
  return std::make_shared<SeparableSpectrum>(shape, without_tiny(std::move(s)), down.v, across.v);
}

std::shared_ptr<const Spectrum> dense_spectrum(Eigen::MatrixXd v, Eigen::ArrayXd s) {
  return std::make_shared<DenseSpectrum>(std::move(v), without_tiny(std::move(s)));
}

std::shared_ptr<const Spectrum> scaled_spectrum(std::shared_ptr<const Spectrum> base, double factor) {
  return std::make_shared<ScaledSpectrum>(std::move(base), factor);
}

}  // namespace scoresde
