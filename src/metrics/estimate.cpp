#include "metrics/estimate.h"

#include <cmath>

#include "core/sum.h"

namespace scoresde {

MetricValue mean_estimate(const Times& values) {
  const double mean = ordered_mean(values), count = static_cast<double>(values.size());
  return {mean, std::sqrt(ordered_mean((values - mean).square()) / (count - 1))};
}

MetricValue jackknife(const std::function<double(Index left_out)>& of) {
  Times parts(kMetricGroups);
  for (Index g = 0; g < kMetricGroups; ++g) parts[g] = of(g);
  const double spread = ordered_mean((parts - ordered_mean(parts)).square());
  return {of(-1), std::sqrt(spread * static_cast<double>(kMetricGroups - 1))};
}

}  // namespace scoresde
