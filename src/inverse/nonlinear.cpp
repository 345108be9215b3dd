#include <cmath>

#include "inverse/fourier.h"
#include "inverse/members.h"

namespace scoresde {
namespace {

class PhaseRetrieval : public Operator {
 public:
  PhaseRetrieval(const ItemShape& shape, int oversampling)
      : shape_(shape), fourier_(shape.height * oversampling, shape.width * oversampling) {}

  Index inputs() const override { return shape_.size(); }
  Index outputs() const override { return shape_.channels * static_cast<Index>(fourier_.size()); }
  bool linear() const override { return false; }

  Vector apply(const Vector& x) const override {
    Vector y(outputs());
    for (int c = 0; c < shape_.channels; ++c) {
      const ComplexPicture values = transformed(x, c);
      for (std::size_t k = 0; k < values.size(); ++k)
        y.data()[static_cast<std::size_t>(c) * values.size() + k] = std::abs(values[k]);
    }
    return y;
  }

  /// Re F^* (v X / |X|), cut to the picture.
  Vector vjp(const Vector& x, const Vector& v) const override {
    Vector gradient(inputs());
    for (int c = 0; c < shape_.channels; ++c) {
      ComplexPicture values = transformed(x, c);
      for (std::size_t k = 0; k < values.size(); ++k) {
        const double size = std::abs(values[k]);
        values[k] *= size > 0 ? v.data()[static_cast<std::size_t>(c) * values.size() + k] / size : 0;
      }
      fourier_.inverse(values);
      for (int i = 0; i < shape_.height; ++i)
        for (int j = 0; j < shape_.width; ++j)
          gradient[(Index{1} * c * shape_.height + i) * shape_.width + j] =
              values[static_cast<std::size_t>(i) * static_cast<std::size_t>(fourier_.width()) +
                     static_cast<std::size_t>(j)]
                  .real();
    }
    return gradient;
  }

  /// Hybrid input-output (Fienup 1982, beta = 0.9) for 300 iterations from the flat picture.
  Vector baseline(const Vector& y, double) const override {
    Vector result(inputs());
    for (int c = 0; c < shape_.channels; ++c) hybrid_input_output(y, c, result);
    return result;
  }

  ItemShape measured_shape() const override { return {shape_.channels, fourier_.height(), fourier_.width(), true}; }

 private:
  ComplexPicture transformed(const Vector& x, int channel) const {
    ComplexPicture values(fourier_.size());
    for (int i = 0; i < shape_.height; ++i)
      for (int j = 0; j < shape_.width; ++j)
        values[static_cast<std::size_t>(i) * static_cast<std::size_t>(fourier_.width()) + static_cast<std::size_t>(j)] =
            x[(Index{1} * channel * shape_.height + i) * shape_.width + j];
    fourier_.forward(values);
    return values;
  }

  bool inside(std::size_t place) const {
    const auto width = static_cast<std::size_t>(fourier_.width());
    return place / width < static_cast<std::size_t>(shape_.height) &&
           place % width < static_cast<std::size_t>(shape_.width);
  }

  void hybrid_input_output(const Vector& y, int channel, Vector& result) const {
    const std::size_t n = fourier_.size();
    ComplexPicture state(n);
    for (std::size_t i = 0; i < n; ++i) state[i] = inside(i) ? 0.5 + 0.001 * static_cast<double>(i % 7) : 0;
    ComplexPicture guess;
    for (int iteration = 0; iteration < 300; ++iteration) {
      guess = state;
      fourier_.forward(guess);
      for (std::size_t k = 0; k < n; ++k) {
        const double size = std::abs(guess[k]);
        guess[k] *= size > 0 ? y.data()[static_cast<std::size_t>(channel) * n + k] / size : 0;
      }
      fourier_.inverse(guess);
      for (std::size_t i = 0; i < n; ++i) {
        const double value = guess[i].real();
        state[i] = inside(i) && value >= 0 ? value : state[i].real() - 0.9 * value;
      }
    }
    Index at = Index{1} * channel * shape_.height * shape_.width;
    for (std::size_t i = 0; i < n; ++i)
      if (inside(i)) result[at++] = std::max(0.0, guess[i].real());
  }

  ItemShape shape_;
  PictureFourier fourier_;
};

class Clip : public Operator {
 public:
  Clip(const ItemShape& shape, double gain) : shape_(shape), gain_(gain) {}
  Index inputs() const override { return shape_.size(); }
  Index outputs() const override { return shape_.size(); }
  bool linear() const override { return false; }
  Vector apply(const Vector& x) const override { return (gain_ * x).cwiseMin(1); }
  Vector vjp(const Vector& x, const Vector& v) const override {
    return (gain_ * x.array() < 1).select(gain_ * v.array(), 0.0).matrix();
  }
  Vector baseline(const Vector& y, double) const override { return y / gain_; }
  ItemShape measured_shape() const override { return shape_; }

 private:
  ItemShape shape_;
  double gain_;
};

}  // namespace

std::unique_ptr<Operator> make_phase_retrieval(const ItemShape& shape, const OperatorOptions& options,
                                               const OperatorInputs&) {
  require_picture(shape, "phase-retrieval");
  return std::make_unique<PhaseRetrieval>(shape, options.oversampling);
}

std::unique_ptr<Operator> make_clip(const ItemShape& shape, const OperatorOptions& options, const OperatorInputs&) {
  require_picture(shape, "clip");
  return std::make_unique<Clip>(shape, options.gain);
}

}  // namespace scoresde
