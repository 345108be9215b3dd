#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/batch.h"

namespace scoresde {

/// What a random number is for. A purpose of its own for every use, so that no two uses share numbers.
/// The values are part of the file format of reproducible runs: append, never renumber.
enum class Purpose : std::uint32_t {
  prior = 0,
  diffusion = 1,
  corrector = 2,
  time = 3,
  probe = 4,
  dequantise = 5,
  weights = 6,
  data_order = 7,
  perturbation = 8,
  dropout = 9,
  flip = 10,
  label_dropout = 11,
  toy = 12,
  churn = 13,
  subset = 14,
  test = 15,
  brownian = 16,
  metropolis = 17,
  direction = 18,
  negatives = 19,
  bootstrap = 20,
  projection = 21,
  split = 22,
  posterior = 23,
  measurement = 24,
  known_part = 25,
  resample = 26,
};

/// The address of a stream of random numbers: element j of it is a pure function of (address, j), never of what was
/// drawn before. `sample` counts below 2^40, `draw` (an inner repetition at the same step) below 2^16.
struct NoiseAddress {
  std::uint64_t seed = 0;
  Purpose purpose = Purpose::test;
  std::uint64_t sample = 0;
  std::uint32_t step = 0;
  std::uint32_t draw = 0;
};

/// Elements [first, first + size) of the stream's independent N(0, 1) numbers; `first` is a multiple of 4.
/// Box-Muller on Philox4x32-10 with polynomials of our own for log, sin and cos: only + - * / and sqrt, which IEEE 754
/// rounds correctly, so every CPU and compiler gives the same bits (without contraction). |z| <= 6.77.
void fill_normal(const NoiseAddress& address, std::span<double> out, std::uint64_t first = 0);
void fill_normal(const NoiseAddress& address, std::span<float> out, std::uint64_t first = 0);

/// Independent uniform numbers in the open interval (0, 1), the middles of 2^52 equal cells.
void fill_uniform(const NoiseAddress& address, std::span<double> out);

/// One uniform number in (0, 1): element 0 of the stream.
double uniform(const NoiseAddress& address);

/// An integer in [0, n), n >= 1, exactly uniform up to 2^-64.
std::uint64_t uniform_below(const NoiseAddress& address, std::uint64_t n);

/// A permutation of [0, n) that (seed, purpose, step) fixes: the data order of epoch `step`.
std::vector<std::uint32_t> permutation(std::uint64_t seed, Purpose purpose, std::uint32_t step, std::uint32_t n);

/// One step of a solver: from time t to time s < t, the index-th of its run.
struct Interval {
  double t, s;
  std::uint32_t index;
};

/// Gaussian noise for the rows of a batch.
class NoiseSource {
 public:
  virtual ~NoiseSource() = default;

  /// N(0, I) for every row. `draw` tells repetitions within one step apart (inner corrector steps).
  virtual Batch normal(Purpose purpose, const Interval& interval, std::uint32_t draw = 0) const = 0;

  /// Row `row` of normal(purpose, {.., index}, draw) alone, `out` as long as a row: for methods whose rows stand at
  /// different places.
  virtual void normal_row(Purpose purpose, std::uint32_t index, std::uint32_t draw, Index row,
                          std::span<double> out) const;
};

/// Philox noise addressed by (seed; purpose, sample id, step index, draw, element): sample k gets the same bits in any
/// batch, order and number of workers.
class CounterNoise : public NoiseSource {
 public:
  /// One row for each of `samples` (their global ids), `dimension` values a row.
  CounterNoise(std::uint64_t seed, std::vector<std::uint64_t> samples, Index dimension);

  Batch normal(Purpose purpose, const Interval& interval, std::uint32_t draw = 0) const override;
  void normal_row(Purpose purpose, std::uint32_t index, std::uint32_t draw, Index row,
                  std::span<double> out) const override;

 private:
  std::uint64_t seed_;
  std::vector<std::uint64_t> samples_;
  Index dimension_;
};

}  // namespace scoresde
