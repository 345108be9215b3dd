#include <cmath>
#include <numbers>

#include "inverse/fourier.h"
#include "inverse/members.h"
#include "inverse/solve.h"
#include "inverse/spectrum.h"

namespace scoresde {
namespace {

/// Periodic convolution with a kernel of sum 1, by its transfer function.
class Convolution : public Operator {
 public:
  /// kernel: height x width values, its origin at the first.
  Convolution(const ItemShape& shape, const Eigen::ArrayXd& kernel)
      : shape_(shape),
        fourier_(std::make_shared<PictureFourier>(shape.height, shape.width)),
        transfer_(fourier_->size()) {
    const double total = kernel.sum();
    for (std::size_t i = 0; i < transfer_.size(); ++i) transfer_[i] = kernel[static_cast<Index>(i)] / total;
    fourier_->forward(transfer_);
    const double scale = std::sqrt(static_cast<double>(fourier_->size()));
    Eigen::ArrayXd s(kernel.size());
    for (std::size_t i = 0; i < transfer_.size(); ++i) {
      transfer_[i] *= scale;
      s[static_cast<Index>(i)] = std::abs(transfer_[i]);
    }
    for (std::size_t i = 0; i < transfer_.size(); ++i)  // equal at k and -k to the last bit
      s[static_cast<Index>(fourier_->mirrored(i))] = s[static_cast<Index>(i)];
    spectrum_ = fourier_spectrum(fourier_, shape.channels, without_tiny(s));
  }

  Index inputs() const override { return shape_.size(); }
  Index outputs() const override { return shape_.size(); }
  std::shared_ptr<const Spectrum> spectrum() const override { return spectrum_; }
  Vector apply(const Vector& x) const override { return convolved(x, false); }
  Vector adjoint(const Vector& y) const override { return convolved(y, true); }

  /// Wiener's filter for pictures of deviation 1/4 about their mean.
  Vector baseline(const Vector& y, double sigma) const override {
    const double mean = y.mean(), noise_to_signal = std::max(1e-4, std::pow(sigma / 0.25, 2));
    const Vector rest = y.array() - mean;
    return solve_shifted(*this, adjoint(rest), noise_to_signal, rest).array() + mean;
  }

  ItemShape measured_shape() const override { return shape_; }

 private:
  Vector convolved(const Vector& x, bool transposed) const {
    Vector y(x.size());
    const std::size_t n = fourier_->size();
    ComplexPicture values(n);
    for (std::size_t c = 0; c < static_cast<std::size_t>(shape_.channels); ++c) {
      for (std::size_t i = 0; i < n; ++i) values[i] = x.data()[c * n + i];
      fourier_->forward(values);
      for (std::size_t i = 0; i < n; ++i) values[i] *= transposed ? std::conj(transfer_[i]) : transfer_[i];
      fourier_->inverse(values);
      for (std::size_t i = 0; i < n; ++i) y.data()[c * n + i] = values[i].real();
    }
    return y;
  }

  ItemShape shape_;
  std::shared_ptr<const PictureFourier> fourier_;
  ComplexPicture transfer_;
  std::shared_ptr<const Spectrum> spectrum_;
};

/// Adds weight at a place between pixels, shared by its four neighbours.
void splat(Eigen::ArrayXd& kernel, const ItemShape& shape, double x, double y, double weight) {
  const double left = std::floor(x), top = std::floor(y);
  const auto wrapped = [](double place, int size) { return (static_cast<int>(place) % size + size) % size; };
  for (int dy = 0; dy < 2; ++dy)
    for (int dx = 0; dx < 2; ++dx)
      kernel[Index{1} * wrapped(top + dy, shape.height) * shape.width + wrapped(left + dx, shape.width)] +=
          weight * (dx ? x - left : 1 - x + left) * (dy ? y - top : 1 - y + top);
}

}  // namespace

std::unique_ptr<Operator> make_gaussian_blur(const ItemShape& shape, const OperatorOptions& options,
                                             const OperatorInputs&) {
  require_picture(shape, "gaussian-blur");
  Eigen::ArrayXd kernel(Index{1} * shape.height * shape.width);
  const auto wrapped_gaussian = [&](int place, int size) {
    double sum = 0;
    for (int turn = -3; turn <= 3; ++turn) sum += std::exp(-0.5 * std::pow((place + turn * size) / options.width, 2));
    return sum;
  };
  for (int i = 0; i < shape.height; ++i)
    for (int j = 0; j < shape.width; ++j)
      kernel[Index{1} * i * shape.width + j] = wrapped_gaussian(i, shape.height) * wrapped_gaussian(j, shape.width);
  return std::make_unique<Convolution>(shape, kernel);
}

std::unique_ptr<Operator> make_motion_blur(const ItemShape& shape, const OperatorOptions& options,
                                           const OperatorInputs&) {
  require_picture(shape, "motion-blur");
  Eigen::ArrayXd kernel = Eigen::ArrayXd::Zero(Index{1} * shape.height * shape.width);
  const double angle = options.direction * std::numbers::pi / 180;
  const int pieces = 8 * static_cast<int>(std::ceil(options.length));
  for (int k = 0; k < pieces; ++k) {
    const double along = ((k + 0.5) / pieces - 0.5) * options.length;
    splat(kernel, shape, along * std::cos(angle), -along * std::sin(angle), 1);
  }
  return std::make_unique<Convolution>(shape, kernel);
}

}  // namespace scoresde
