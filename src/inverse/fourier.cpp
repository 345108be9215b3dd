#include "inverse/fourier.h"

#include <fftw3.h>

#include <cmath>
#include <mutex>
#include <numbers>

namespace scoresde {
namespace {

// FFTW's planner is the one part of it that threads may not share.
std::mutex planner;

}  // namespace

PictureFourier::PictureFourier(int height, int width) : height_(height), width_(width) {
  const std::lock_guard lock(planner);
  ComplexPicture values(size());
  auto* data = reinterpret_cast<fftw_complex*>(values.data());
  forward_ = fftw_plan_dft_2d(height, width, data, data, FFTW_FORWARD, FFTW_ESTIMATE | FFTW_UNALIGNED);
  inverse_ = fftw_plan_dft_2d(height, width, data, data, FFTW_BACKWARD, FFTW_ESTIMATE | FFTW_UNALIGNED);
}

PictureFourier::~PictureFourier() {
  const std::lock_guard lock(planner);
  fftw_destroy_plan(static_cast<fftw_plan>(forward_));
  fftw_destroy_plan(static_cast<fftw_plan>(inverse_));
}

void PictureFourier::run(void* plan, ComplexPicture& values) const {
  auto* data = reinterpret_cast<fftw_complex*>(values.data());
  fftw_execute_dft(static_cast<fftw_plan>(plan), data, data);
  const double scale = 1 / std::sqrt(static_cast<double>(size()));
  for (auto& value : values) value *= scale;
}

void PictureFourier::forward(ComplexPicture& values) const { run(forward_, values); }
void PictureFourier::inverse(ComplexPicture& values) const { run(inverse_, values); }

std::size_t PictureFourier::mirrored(std::size_t place) const {
  const auto w = static_cast<std::size_t>(width_), h = static_cast<std::size_t>(height_);
  const std::size_t row = place / w, column = place % w;
  return (h - row) % h * w + (w - column) % w;
}

namespace {

class FourierSpectrum : public Spectrum {
 public:
  FourierSpectrum(std::shared_ptr<const PictureFourier> fourier, int channels, Eigen::ArrayXd s)
      : Spectrum(std::move(s)), fourier_(std::move(fourier)), channels_(channels) {}

  Vector analyse(const Vector& x) const override {
    const std::size_t n = fourier_->size();
    Vector c(x.size());
    ComplexPicture values(n);
    for (int channel = 0; channel < channels_; ++channel) {
      const double* from = x.data() + static_cast<std::size_t>(channel) * n;
      double* to = c.data() + static_cast<std::size_t>(channel) * n;
      for (std::size_t i = 0; i < n; ++i) values[i] = from[i];
      fourier_->forward(values);
      for (std::size_t i = 0; i < n; ++i) {
        const std::size_t j = fourier_->mirrored(i);
        if (j == i) to[i] = values[i].real();
        if (j <= i) continue;
        to[i] = std::numbers::sqrt2 * values[i].real();
        to[j] = std::numbers::sqrt2 * values[i].imag();
      }
    }
    return c;
  }

  Vector synthesise(const Vector& c) const override {
    const std::size_t n = fourier_->size();
    Vector x(c.size());
    ComplexPicture values(n);
    for (int channel = 0; channel < channels_; ++channel) {
      const double* from = c.data() + static_cast<std::size_t>(channel) * n;
      for (std::size_t i = 0; i < n; ++i) {
        const std::size_t j = fourier_->mirrored(i);
        if (j == i) values[i] = from[i];
        if (j <= i) continue;
        values[i] = std::complex(from[i], from[j]) / std::numbers::sqrt2;
        values[j] = std::conj(values[i]);
      }
      fourier_->inverse(values);
      double* to = x.data() + static_cast<std::size_t>(channel) * n;
      for (std::size_t i = 0; i < n; ++i) to[i] = values[i].real();
    }
    return x;
  }

 private:
  std::shared_ptr<const PictureFourier> fourier_;
  int channels_;
};

class ComplexFourierSpectrum : public Spectrum {
 public:
  ComplexFourierSpectrum(std::shared_ptr<const PictureFourier> fourier, Eigen::ArrayXd s)
      : Spectrum(std::move(s)), fourier_(std::move(fourier)) {}

  Vector analyse(const Vector& x) const override { return transformed(x, true); }
  Vector synthesise(const Vector& c) const override { return transformed(c, false); }

 private:
  Vector transformed(const Vector& x, bool forward) const {
    const std::size_t n = fourier_->size();
    ComplexPicture values(n);
    for (std::size_t i = 0; i < n; ++i) values[i] = {x.data()[i], x.data()[n + i]};
    forward ? fourier_->forward(values) : fourier_->inverse(values);
    Vector y(x.size());
    for (std::size_t i = 0; i < n; ++i) y.data()[i] = values[i].real(), y.data()[n + i] = values[i].imag();
    return y;
  }

  std::shared_ptr<const PictureFourier> fourier_;
};

}  // namespace

std::shared_ptr<const Spectrum> fourier_spectrum(std::shared_ptr<const PictureFourier> fourier, int channels,
                                                 const Eigen::ArrayXd& s) {
  return std::make_shared<FourierSpectrum>(std::move(fourier), channels, s.replicate(channels, 1).eval());
}

std::shared_ptr<const Spectrum> complex_fourier_spectrum(std::shared_ptr<const PictureFourier> fourier,
                                                         const Eigen::ArrayXd& s) {
  return std::make_shared<ComplexFourierSpectrum>(std::move(fourier), s.replicate(2, 1).eval());
}

}  // namespace scoresde
