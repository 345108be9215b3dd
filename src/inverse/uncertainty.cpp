#include "inverse/uncertainty.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/error.h"
#include "core/sum.h"

namespace scoresde {
namespace {

double sorted_quantile(const std::vector<double>& values, double share) {
  const double place = share * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, values.size() - 1);
  return values[below] + (place - std::floor(place)) * (values[above] - values[below]);
}

}  // namespace

PosteriorMaps posterior_maps(const Batch& draws, double level) {
  if (draws.rows() < 1) fail(Failure::usage, "there are no draws to take a mean of");
  if (!(level > 0 && level < 1)) fail(Failure::usage, "a credible interval's level must lie in (0, 1), not {}", level);
  const Index n = draws.rows(), size = draws.cols();
  PosteriorMaps maps{Batch(1, size), Batch::Zero(1, size), Batch(1, size), Batch(1, size), level};
  std::vector<double> values(static_cast<std::size_t>(n));
  for (Index j = 0; j < size; ++j) {
    for (Index i = 0; i < n; ++i) values[static_cast<std::size_t>(i)] = draws(i, j);
    std::sort(values.begin(), values.end());
    const double mean = ordered_sum(values.data(), values.size()) / static_cast<double>(n);
    maps.mean(0, j) = mean;
    maps.low(0, j) = sorted_quantile(values, 0.5 * (1 - level));
    maps.high(0, j) = sorted_quantile(values, 0.5 * (1 + level));
    for (double& value : values) value = (value - mean) * (value - mean);
    if (n > 1) maps.std(0, j) = std::sqrt(ordered_sum(values.data(), values.size()) / static_cast<double>(n - 1));
  }
  return maps;
}

double coverage(const PosteriorMaps& maps, const Batch& truth) {
  return (truth >= maps.low && truth <= maps.high).cast<double>().mean();
}

double expected_coverage(Index n, double level) {
  return level * static_cast<double>(n - 1) / static_cast<double>(n + 1);
}

}  // namespace scoresde
