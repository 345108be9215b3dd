#pragma once
#include <cmath>
#include <numbers>

#include "core/noise.h"

namespace scoresde::test {

/// The golden files' stand-in for randomness: the k-th draw of a run is sqrt(2) sin(1 + 0.7 j + 1.3 k), j the
/// row-major index in the whole batch.
class GoldenNoise : public NoiseSource {
 public:
  GoldenNoise(Index rows, Index columns) : rows_(rows), columns_(columns) {}

  Batch normal(Purpose, const Interval&, std::uint32_t) const override {
    Batch z(rows_, columns_);
    for (Index j = 0; j < z.size(); ++j)
      z.data()[j] = std::numbers::sqrt2 * std::sin(1.0 + 0.7 * static_cast<double>(j) + 1.3 * draws_);
    ++draws_;
    return z;
  }

  int draws() const { return draws_; }

 private:
  Index rows_, columns_;
  mutable int draws_ = 0;
};

}  // namespace scoresde::test
