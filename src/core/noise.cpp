#include "core/noise.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>

#include "core/error.h"
#include "core/philox_stream.h"
#include "core/simd_noise.h"

namespace scoresde {
namespace {

constexpr double two_to_minus_32 = 1.0 / 4294967296.0;

// Natural logarithm of a normal positive number, to 2 ulp: x = m 2^e with m in [sqrt(1/2), sqrt(2)), log m by the
// series of 2 atanh(r), r = (m - 1) / (m + 1).
double portable_log(double x) {
  const auto bits = std::bit_cast<std::uint64_t>(x);
  const std::uint64_t shifted = bits - 0x3FE6A09E667F3BCDull;  // the bits of sqrt(1/2)
  const auto exponent = static_cast<double>(static_cast<std::int64_t>(shifted) >> 52);
  const double m = std::bit_cast<double>((shifted & 0x000FFFFFFFFFFFFFull) + 0x3FE6A09E667F3BCDull);
  const double r = (m - 1.0) / (m + 1.0);
  const double q = r * r;
  double series = 1.0 / 21;
  for (int k = 19; k >= 1; k -= 2) series = series * q + 1.0 / k;
  constexpr double ln2_high = 6.93147180369123816490e-01, ln2_low = 1.90821492927058770002e-10;
  return exponent * ln2_high + (2.0 * r * series + exponent * ln2_low);
}

struct SinCos {
  double sin, cos;
};

// sin and cos of 2 pi k / 2^32. The quarter turn nearest to k is taken off exactly, in integers; Taylor on [-pi/4,
// pi/4].
SinCos portable_sincos_turn(std::uint32_t k) {
  const std::uint32_t quarter = (k + 0x20000000u) >> 30;
  const auto rest = static_cast<std::int32_t>(k - (quarter << 30));
  constexpr double radians = 1.4629180792671596e-9;  // 2 pi / 2^32
  const double a = static_cast<double>(rest) * radians;
  const double q = a * a;
  const double s =
      a * (1 + q * (-1.0 / 6 + q * (1.0 / 120 +
                                    q * (-1.0 / 5040 + q * (1.0 / 362880 + q * (-1.0 / 39916800 +
                                                                                q * (1.0 / 6227020800.0 -
                                                                                     q * (1.0 / 1307674368000.0))))))));
  const double c =
      1 + q * (-0.5 + q * (1.0 / 24 +
                           q * (-1.0 / 720 +
                                q * (1.0 / 40320 + q * (-1.0 / 3628800 + q * (1.0 / 479001600.0 +
                                                                              q * (-1.0 / 87178291200.0 +
                                                                                   q * (1.0 / 20922789888000.0))))))));
  const bool swap = quarter & 1;
  const double sin = swap ? c : s;
  const double cos = swap ? s : c;
  return {quarter & 2 ? -sin : sin, ((quarter + 1) & 2) ? -cos : cos};
}

class Stream {
 public:
  explicit Stream(const NoiseAddress& address) : stream_(philox_stream(address)) {}

  const PhiloxStream& parts() const { return stream_; }

  std::array<std::uint32_t, 4> block(std::uint64_t index) const { return stream_.block(index); }

  std::array<double, 4> normals(std::uint64_t index) const {
    const auto bits = block(index);
    std::array<double, 4> z;
    for (int pair = 0; pair < 2; ++pair) {
      const double u = (bits[2 * pair] + 0.5) * two_to_minus_32;
      const double radius = std::sqrt(-2.0 * portable_log(u));
      const SinCos angle = portable_sincos_turn(bits[2 * pair + 1]);
      z[2 * pair] = radius * angle.cos;
      z[2 * pair + 1] = radius * angle.sin;
    }
    return z;
  }

 private:
  PhiloxStream stream_;
};

double open_unit(std::uint32_t high, std::uint32_t low) {
  const std::uint64_t bits = (std::uint64_t{high} << 32 | low) >> 12;  // 52 bits, then the middle of the cell
  return (static_cast<double>(bits) + 0.5) * (1.0 / 4503599627370496.0);
}

void fill_normal_from(const Stream& stream, std::span<double> out, std::uint64_t block) {
  std::size_t j = 4 * simd::normal_blocks(stream.parts(), block, out.size() / 4, out.data());
  for (block += j / 4; j < out.size(); j += 4, ++block) {
    const auto z = stream.normals(block);
    std::copy_n(z.begin(), std::min<std::size_t>(4, out.size() - j), out.begin() + static_cast<std::ptrdiff_t>(j));
  }
}

void require_whole_blocks(std::uint64_t first) {
  if (first % 4) fail(Failure::usage, "noise must start at a multiple of 4, not at {}", first);
}

}  // namespace

PhiloxStream philox_stream(const NoiseAddress& address) {
  if (address.draw >> 16 || address.sample >> 40)
    fail(Failure::usage, "noise address out of range: sample {} must be below 2^40, draw {} below 2^16", address.sample,
         address.draw);
  return {{static_cast<std::uint32_t>(address.seed), static_cast<std::uint32_t>(address.seed >> 32)},
          {static_cast<std::uint32_t>(address.sample), address.step,
           static_cast<std::uint32_t>(address.purpose) | (address.draw << 8) |
               (static_cast<std::uint32_t>(address.sample >> 32) << 24)}};
}

void fill_normal(const NoiseAddress& address, std::span<double> out, std::uint64_t first) {
  require_whole_blocks(first);
  fill_normal_from(Stream(address), out, first / 4);
}

void fill_normal(const NoiseAddress& address, std::span<float> out, std::uint64_t first) {
  require_whole_blocks(first);
  const Stream stream(address);
  std::array<double, 512> some;
  for (std::size_t j = 0; j < out.size(); j += some.size()) {
    const auto part = std::span(some).first(std::min(some.size(), out.size() - j));
    fill_normal_from(stream, part, (first + j) / 4);
    std::transform(part.begin(), part.end(), out.begin() + static_cast<std::ptrdiff_t>(j),
                   [](double z) { return static_cast<float>(z); });
  }
}

void fill_uniform(const NoiseAddress& address, std::span<double> out) {
  const Stream stream(address);
  for (std::size_t j = 2 * simd::uniform_blocks(stream.parts(), 0, out.size() / 2, out.data()); j < out.size();
       j += 2) {
    const auto bits = stream.block(j / 2);
    out[j] = open_unit(bits[0], bits[1]);
    if (j + 1 < out.size()) out[j + 1] = open_unit(bits[2], bits[3]);
  }
}

double uniform(const NoiseAddress& address) {
  double value;
  fill_uniform(address, {&value, 1});
  return value;
}

std::uint64_t uniform_below(const NoiseAddress& address, std::uint64_t n) {
  const auto bits = Stream(address).block(0);
  const std::uint64_t word = std::uint64_t{bits[0]} << 32 | bits[1];
  return static_cast<std::uint64_t>(static_cast<unsigned __int128>(word) * n >> 64);
}

std::vector<std::uint32_t> permutation(std::uint64_t seed, Purpose purpose, std::uint32_t step, std::uint32_t n) {
  std::vector<std::uint32_t> order(n);
  std::iota(order.begin(), order.end(), 0u);
  for (std::uint32_t i = n; i > 1; --i)  // Fisher-Yates, one address a swap
    std::swap(order[i - 1], order[uniform_below({.seed = seed, .purpose = purpose, .sample = i, .step = step}, i)]);
  return order;
}

void NoiseSource::normal_row(Purpose purpose, std::uint32_t index, std::uint32_t draw, Index row,
                             std::span<double> out) const {
  const Batch z = normal(purpose, {0, 0, index}, draw);
  std::copy_n(z.data() + row * z.cols(), out.size(), out.begin());
}

CounterNoise::CounterNoise(std::uint64_t seed, std::vector<std::uint64_t> samples, Index dimension)
    : seed_(seed), samples_(std::move(samples)), dimension_(dimension) {}

Batch CounterNoise::normal(Purpose purpose, const Interval& interval, std::uint32_t draw) const {
  Batch z(static_cast<Index>(samples_.size()), dimension_);
  for (Index i = 0; i < z.rows(); ++i)
    normal_row(purpose, interval.index, draw, i,
               std::span(z.data() + i * dimension_, static_cast<std::size_t>(dimension_)));
  return z;
}

void CounterNoise::normal_row(Purpose purpose, std::uint32_t index, std::uint32_t draw, Index row,
                              std::span<double> out) const {
  fill_normal({.seed = seed_,
               .purpose = purpose,
               .sample = samples_[static_cast<std::size_t>(row)],
               .step = index,
               .draw = draw},
              out);
}

}  // namespace scoresde
