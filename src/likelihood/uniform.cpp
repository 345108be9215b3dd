#include <cmath>

#include "core/noise.h"
#include "likelihood/dequantise.h"

namespace scoresde {

// x = (u + U) / 128 - 1 (Theis et al. 2016; the units of Song et al. 2021): bins of 1/128, so 7 bits a value.
Dequantised dequantise_uniformly(const Sde& sde, const Batch& levels, std::uint64_t seed,
                                 std::span<const std::uint64_t> samples, std::uint32_t draw) {
  Dequantised result{Batch(levels.rows(), levels.cols()), sde.t_min(), {}};
  for (Index i = 0; i < levels.rows(); ++i) {
    fill_uniform({seed, Purpose::dequantise, samples[static_cast<std::size_t>(i)], 0, draw},
                 std::span(&result.x(i, 0), static_cast<std::size_t>(levels.cols())));
    result.x.row(i) = (((levels.row(i) + 1) * 127.5).round() + result.x.row(i)) / 128 - 1;
  }
  result.log_volume = times_of(levels.rows(), -static_cast<double>(levels.cols()) * std::log(128.0));
  return result;
}

}  // namespace scoresde
