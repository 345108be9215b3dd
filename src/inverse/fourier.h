#pragma once
#include <complex>
#include <memory>
#include <vector>

#include "inverse/operator.h"

namespace scoresde {

using ComplexPicture = std::vector<std::complex<double>>;  // row by row

/// The orthonormal two-dimensional Fourier transform of height x width values, by FFTW. Threads may share an object.
/// A row's bits depend on the row alone: plans are made without measuring, for data at any alignment.
class PictureFourier {
 public:
  PictureFourier(int height, int width);
  ~PictureFourier();
  PictureFourier(const PictureFourier&) = delete;
  PictureFourier& operator=(const PictureFourier&) = delete;

  int height() const { return height_; }
  int width() const { return width_; }
  std::size_t size() const { return static_cast<std::size_t>(height_) * static_cast<std::size_t>(width_); }

  void forward(ComplexPicture& values) const;
  void inverse(ComplexPicture& values) const;

  /// The place of the frequency -k where k stands at `place`.
  std::size_t mirrored(std::size_t place) const;

 private:
  void run(void* plan, ComplexPicture& values) const;

  int height_, width_;
  void *forward_, *inverse_;
};

/// Real pictures of `channels` channels by their Fourier coefficients: sqrt(2) times the real part of X(k) stands at
/// the first, of its imaginary part at the second of the places of k and -k. `singular_values` is one a frequency,
/// equal at k and -k.
std::shared_ptr<const Spectrum> fourier_spectrum(std::shared_ptr<const PictureFourier> fourier, int channels,
                                                 const Eigen::ArrayXd& singular_values);

/// Complex pictures (real channel, then imaginary channel) by the real and imaginary parts of X(k).
std::shared_ptr<const Spectrum> complex_fourier_spectrum(std::shared_ptr<const PictureFourier> fourier,
                                                         const Eigen::ArrayXd& singular_values);

}  // namespace scoresde
