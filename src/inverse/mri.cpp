#include <algorithm>
#include <cmath>
#include <numbers>

#include "inverse/fourier.h"
#include "inverse/members.h"
#include "inverse/spectrum.h"

namespace scoresde {
namespace {

/// Which columns of k-space are measured, frequency 0 first: all of the middle, the rest at random.
std::vector<bool> measured_columns(int width, const OperatorOptions& options) {
  const int wanted = std::max(1, static_cast<int>(std::lround(width / options.acceleration)));
  const int middle = std::min(wanted, std::max(1, static_cast<int>(std::lround(width * options.centre))));
  std::vector<bool> measured(static_cast<std::size_t>(width), false);
  const auto frequency = [&](int k) { return static_cast<std::size_t>((k % width + width) % width); };
  for (int k = 0; k < middle; ++k) measured[frequency(k - middle / 2)] = true;
  const int others = width - middle;
  for (Index choice : random_choice(others, wanted - middle, options.seed))
    measured[frequency(static_cast<int>(choice) + middle - middle / 2)] = true;
  return measured;
}

/// Smooth sensitivities of coils around the picture, with sum of squared moduli 1 at every pixel.
std::vector<ComplexPicture> ring_of_coils(int coils, int height, int width) {
  std::vector<ComplexPicture> maps(static_cast<std::size_t>(coils));
  std::vector<double> total(static_cast<std::size_t>(height) * static_cast<std::size_t>(width), 0);
  for (int k = 0; k < coils; ++k) {
    const double angle = 2 * std::numbers::pi * k / coils, x = 0.7 * std::cos(angle), y = 0.7 * std::sin(angle);
    for (int i = 0; i < height; ++i)
      for (int j = 0; j < width; ++j) {
        const double dx = (j + 0.5) / width - 0.5 - x, dy = (i + 0.5) / height - 0.5 - y;
        maps[static_cast<std::size_t>(k)].push_back(std::polar(std::exp(-(dx * dx + dy * dy) / 0.5), dx + dy + angle));
        total[static_cast<std::size_t>(i * width + j)] += std::norm(maps[static_cast<std::size_t>(k)].back());
      }
  }
  for (auto& map : maps)
    for (std::size_t i = 0; i < map.size(); ++i) map[i] /= std::sqrt(total[i]);
  return maps;
}

/// Cartesian magnetic resonance imaging. Samples are real pictures (one channel) or complex ones (real channel,
/// imaginary channel); measured are, coil by coil, the real and the imaginary part of every measured frequency.
class Mri : public Operator {
 public:
  Mri(const ItemShape& shape, std::vector<ComplexPicture> maps, const std::vector<bool>& columns)
      : shape_(shape), fourier_(std::make_shared<PictureFourier>(shape.height, shape.width)), maps_(std::move(maps)) {
    Eigen::ArrayXd seen = Eigen::ArrayXd::Zero(pixels());
    for (Index k = 0; k < pixels(); ++k)
      if (columns[static_cast<std::size_t>(k % shape.width)])
        seen[k] = 1, places_.push_back(static_cast<std::size_t>(k));
    if (maps_.empty()) spectrum_ = spectrum_of(seen);
  }

  Index inputs() const override { return shape_.size(); }
  Index outputs() const override {
    return static_cast<Index>(2 * places_.size() * std::max<std::size_t>(1, maps_.size()));
  }
  std::shared_ptr<const Spectrum> spectrum() const override { return spectrum_; }

  Vector apply(const Vector& x) const override {
    Vector y(outputs());
    double* out = y.data();
    for (std::size_t coil = 0; coil < std::max<std::size_t>(1, maps_.size()); ++coil) {
      ComplexPicture values = picture_of(x);
      if (!maps_.empty())
        for (std::size_t i = 0; i < values.size(); ++i) values[i] *= maps_[coil][i];
      fourier_->forward(values);
      for (std::size_t place : places_) *out++ = values[place].real(), *out++ = values[place].imag();
    }
    return y;
  }

  Vector adjoint(const Vector& y) const override {
    Vector x = Vector::Zero(inputs());
    const double* in = y.data();
    for (std::size_t coil = 0; coil < std::max<std::size_t>(1, maps_.size()); ++coil) {
      ComplexPicture values(fourier_->size());
      for (std::size_t place : places_) values[place] = {in[0], in[1]}, in += 2;
      fourier_->inverse(values);
      for (std::size_t i = 0; i < values.size(); ++i) {
        const auto value = maps_.empty() ? values[i] : values[i] * std::conj(maps_[coil][i]);
        x.data()[i] += value.real();
        if (shape_.channels == 2) x.data()[values.size() + i] += value.imag();
      }
    }
    return x;
  }

  /// Zero filling.
  Vector baseline(const Vector& y, double) const override { return adjoint(y); }

 private:
  Index pixels() const { return Index{1} * shape_.height * shape_.width; }

  ComplexPicture picture_of(const Vector& x) const {
    ComplexPicture values(fourier_->size());
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i] = {x.data()[i], shape_.channels == 2 ? x.data()[values.size() + i] : 0};
    return values;
  }

  // Of a real picture, X(-k) = conj X(k): a frequency is measured twice, once or not at all.
  std::shared_ptr<const Spectrum> spectrum_of(const Eigen::ArrayXd& seen) const {
    if (shape_.channels == 2) return complex_fourier_spectrum(fourier_, seen);
    Eigen::ArrayXd s(seen.size());
    for (std::size_t k = 0; k < fourier_->size(); ++k)
      s[static_cast<Index>(k)] =
          std::sqrt(0.5 * (seen[static_cast<Index>(k)] + seen[static_cast<Index>(fourier_->mirrored(k))]));
    return fourier_spectrum(fourier_, 1, s);
  }

  ItemShape shape_;
  std::shared_ptr<const PictureFourier> fourier_;
  std::vector<ComplexPicture> maps_;  // empty: one coil that sees everything alike
  std::vector<std::size_t> places_;
  std::shared_ptr<const Spectrum> spectrum_;
};

std::vector<ComplexPicture> maps_of(const Batch& rows, Index pixels) {
  if (rows.cols() != 2 * pixels)
    fail(Failure::data, "a coil's sensitivities must be {} real and {} imaginary parts, not {} values", pixels, pixels,
         rows.cols());
  if (!rows.isFinite().all()) fail(Failure::data, "a sensitivity is not a finite number");
  std::vector<ComplexPicture> maps;
  for (Index coil = 0; coil < rows.rows(); ++coil) {
    maps.emplace_back();
    for (Index i = 0; i < pixels; ++i) maps.back().emplace_back(rows(coil, i), rows(coil, pixels + i));
  }
  return maps;
}

}  // namespace

std::unique_ptr<Operator> make_mri(const ItemShape& shape, const OperatorOptions& options,
                                   const OperatorInputs& inputs) {
  require_picture(shape, "mri");
  if (shape.channels > 2)
    fail(Failure::usage, "operator mri is of real pictures (1 channel) or complex ones (2), not of {}", to_text(shape));
  std::vector<ComplexPicture> maps;
  if (inputs.maps.size() > 0)
    maps = maps_of(inputs.maps, Index{1} * shape.height * shape.width);
  else if (options.coils > 1)
    maps = ring_of_coils(options.coils, shape.height, shape.width);
  return std::make_unique<Mri>(shape, std::move(maps), measured_columns(shape.width, options));
}

}  // namespace scoresde
