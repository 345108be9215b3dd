#include <algorithm>
#include <cmath>
#include <vector>

#include "engine/gradient_kernels.h"
#include "engine/rows_kernel.h"

namespace scoresde {
namespace {

simd::ConstMap from_row(const Run& run, const Place& place, Size row) {
  return {row_of(run, place, row), place.stride};
}

simd::Map to_row(const Run& run, const Place& place, Size row) { return {row_to(run, place, row), place.stride}; }

// A step over all rows at once.
template <class Function>
KernelPtr whole_kernel(const Place& y, Function function) {
  return rows_kernel(y, [function](const Run& run, Run::Share share) { function(run, share.last); });
}

// The maximum's gradient goes to the first pixel that has it, in the order of the picture.
class MaxPoolGradient : public Kernel {
 public:
  MaxPoolGradient(const ConvShape& shape, const Place& x, const Place& dy, const Sink& dx)
      : shape_(shape), x_(x), dy_(dy), dx_(dx) {}

  Size scratch(Size) const override { return 2 * x_.channels; }

  void run(const Run& run) const override {
    for (Size row = 0; row < run.rows(x_); ++row) {
      const simd::Base base = dx_.base_at(run, row);
      for (Size k = 0; k < x_.channels; ++k)
        row_to(run, dx_.y, row)[k] = base.map.data ? base.map.data[k] * base.scale : 0;
    }
    for (Size row = 0; row < run.rows(dy_); ++row) pull_back(run, row);
  }

 private:
  void pull_back(const Run& run, Size row) const {
    const Size first = row / dy_.rows * dy_.rows, i = row % dy_.rows / shape_.width, j = row % dy_.rows % shape_.width;
    const Size reach = shape_.kernel / 2;
    float* const most = run.scratch;
    auto* const from = reinterpret_cast<std::int32_t*>(most + x_.channels);
    std::fill_n(most, x_.channels, -INFINITY);
    std::fill_n(from, x_.channels, static_cast<std::int32_t>(row - first));
    for (Size a = std::max<Size>(0, i - reach); a <= std::min(shape_.height - 1, i + reach); ++a)
      for (Size b = std::max<Size>(0, j - reach); b <= std::min(shape_.width - 1, j + reach); ++b) {
        const Size pixel = a * shape_.width + b;
        const float* const in = row_of(run, x_, first + pixel);
        for (Size k = 0; k < x_.channels; ++k)
          if (in[k] > most[k]) most[k] = in[k], from[k] = static_cast<std::int32_t>(pixel);
      }
    const float* const dy = row_of(run, dy_, row);
    for (Size k = 0; k < x_.channels; ++k) row_to(run, dx_.y, first + from[k])[k] += dy[k];
  }

  ConvShape shape_;
  Place x_, dy_;
  Sink dx_;
};

class PixelSum : public Kernel {
 public:
  PixelSum(const Place& x, float scale, const Sink& y) : x_(x), scale_(scale), y_(y) {}

  Size scratch(Size) const override { return 2 * x_.channels; }

  void run(const Run& run) const override {
    auto* const sums = reinterpret_cast<double*>(run.scratch);
    for (Size sample = 0; sample < run.rows(y_.y); ++sample) {
      simd::column_sums(from_row(run, x_, sample * x_.rows), x_.rows, x_.channels, sums);
      const simd::Base base = y_.base_at(run, sample);
      for (Size c = 0; c < x_.channels; ++c)
        row_to(run, y_.y, sample)[c] =
            scale_ * static_cast<float>(sums[c]) + (base.map.data ? base.map.data[c] * base.scale : 0);
    }
  }

 private:
  Place x_;
  float scale_;
  Sink y_;
};

}  // namespace

KernelPtr make_scaled(const Place& x, float factor, const Sink& y) {
  return whole_kernel(y.y, [=](const Run& run, Size rows) {
    simd::scale_rows(run.source(x), factor, y.base_at(run, 0), rows, y.y.channels, run.map(y.y));
  });
}

KernelPtr make_multiplied(const Place& a, const Place& b, const Sink& y) {
  return whole_kernel(y.y, [=](const Run& run, Size rows) {
    simd::multiply_rows(run.source(a), run.source(b), y.base_at(run, 0), rows, y.y.channels, run.map(y.y));
  });
}

KernelPtr make_row_added(const Place& x, const Place& row, float scale, const Place& y) {
  return whole_kernel(y, [=](const Run& run, Size rows) {
    for (Size sample = 0; sample < rows / y.rows; ++sample)
      simd::add(from_row(run, x, sample * y.rows), {row_of(run, row, sample), 0}, y.rows, y.channels, scale,
                to_row(run, y, sample * y.rows));
  });
}

KernelPtr make_pixel_sum(const Place& x, float scale, const Sink& y) { return std::make_unique<PixelSum>(x, scale, y); }

KernelPtr make_spread(const Place& row, float scale, const Sink& y) {
  return whole_kernel(y.y, [=](const Run& run, Size rows) {
    for (Size sample = 0; sample < rows / y.y.rows; ++sample)
      simd::scale_rows({row_of(run, row, sample), 0}, scale, y.base_at(run, sample * y.y.rows), y.y.rows, y.y.channels,
                       to_row(run, y.y, sample * y.y.rows));
  });
}

KernelPtr make_activation_gradient(simd::Activation activation, double slope, const Place& x, const Place& dy,
                                   const Sink& dx) {
  return whole_kernel(dx.y, [=](const Run& run, Size rows) {
    simd::activation_slope(activation, static_cast<float>(slope), run.source(x), run.source(dy), dx.base_at(run, 0),
                           rows, dx.y.channels, run.map(dx.y));
  });
}

KernelPtr make_max_pool_gradient(const ConvShape& shape, const Place& x, const Place& dy, const Sink& dx) {
  return std::make_unique<MaxPoolGradient>(shape, x, dy, dx);
}

KernelPtr make_divide_exp_gradient(const Place& exponent, const Place& dy, const Sink& dx) {
  return whole_kernel(dx.y, [=](const Run& run, Size rows) {
    for (Size sample = 0; sample < rows / dx.y.rows; ++sample) {
      const Size first = sample * dx.y.rows;
      simd::scale_rows(from_row(run, dy, first), std::exp(-*row_of(run, exponent, sample)), dx.base_at(run, first),
                       dx.y.rows, dx.y.channels, to_row(run, dx.y, first));
    }
  });
}

KernelPtr make_embedding_gradient(const Place& index, const Place& dy, Size sum) {
  return row_kernel(dy, [=](const Run& run, Size row) {
    float* const to = run.shared + sum + static_cast<Size>(*row_of(run, index, row)) * dy.channels;
    for (Size c = 0; c < dy.channels; ++c) to[c] += row_of(run, dy, row)[c];
  });
}

}  // namespace scoresde
