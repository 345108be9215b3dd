#include "core/brownian.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/error.h"

namespace scoresde {

BrownianTree::BrownianTree(const NoiseSource& noise, double low, double high)
    : noise_(noise), low_(low), high_(high), log_ratio_(std::log(high / low)) {
  if (!(low > 0 && low < high && std::isfinite(log_ratio_)))
    fail(Failure::usage, "a Brownian path needs a clock with 0 < low < high, not {} and {}", low, high);
}

double BrownianTree::clock(std::uint32_t place) const {
  if (place == kPlaces) return high_;
  return low_ * std::exp(log_ratio_ * (static_cast<double>(place) / kPlaces));
}

std::uint32_t BrownianTree::place(double clock) const {
  const double share = std::log(std::clamp(clock, low_, high_) / low_) / log_ratio_;
  return static_cast<std::uint32_t>(std::lround(std::clamp(share, 0.0, 1.0) * kPlaces));
}

void BrownianTree::value(Index row, std::uint32_t place, std::span<double> out) const {
  std::fill(out.begin(), out.end(), 0.0);
  if (place == 0) return;
  std::vector<double> z(out.size()), left(out.size(), 0.0), right(out.size());
  const auto draw = [&](std::uint32_t node) { noise_.normal_row(Purpose::brownian, node, 0, row, z); };
  std::uint32_t from = 0, to = kPlaces, node = 1;  // node 0 is the end of the path; 2n and 2n + 1 lie below n
  draw(0);
  for (std::size_t j = 0; j < z.size(); ++j) right[j] = std::sqrt(high_ - low_) * z[j];
  while (place != to) {
    const std::uint32_t middle = from + (to - from) / 2;
    const double a = clock(from), m = clock(middle), b = clock(to);
    const double share = (m - a) / (b - a), std = std::sqrt((m - a) * ((b - m) / (b - a)));
    draw(node);
    const bool above = place > middle;
    for (std::size_t j = 0; j < z.size(); ++j) {
      const double bridge = left[j] + share * (right[j] - left[j]) + std * z[j];
      (above ? left : right)[j] = bridge;
    }
    (above ? from : to) = middle;
    node = 2 * node + (above ? 1 : 0);
  }
  std::copy(right.begin(), right.end(), out.begin());
}

BrownianNoise::BrownianNoise(const NoiseSource& noise, std::function<double(double)> clock, double start, double stop)
    : noise_(noise),
      clock_(std::move(clock)),
      tree_(noise, std::min(clock_(start), clock_(stop)), std::max(clock_(start), clock_(stop))) {}

Batch BrownianNoise::normal(Purpose purpose, const Interval& interval, std::uint32_t draw) const {
  Batch z = noise_.normal(purpose, interval, draw);
  if (purpose != Purpose::diffusion) return z;
  const std::uint32_t from = tree_.place(clock_(interval.t)), to = tree_.place(clock_(interval.s));
  if (from == to)
    fail(Failure::usage, "the step from {} to {} is shorter than a Brownian path resolves", interval.t, interval.s);
  const double root = std::sqrt(std::abs(tree_.clock(to) - tree_.clock(from)));
  std::vector<double> before(static_cast<std::size_t>(z.cols()));
  for (Index row = 0; row < z.rows(); ++row) {
    const std::span after(z.data() + row * z.cols(), before.size());
    tree_.value(row, from, before);
    tree_.value(row, to, after);
    for (std::size_t j = 0; j < before.size(); ++j) after[j] = (after[j] - before[j]) / root;
  }
  return z;
}

}  // namespace scoresde
