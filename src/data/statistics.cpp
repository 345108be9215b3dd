#include "data/statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string_view>
#include <unordered_set>

#include "data/augment.h"

namespace scoresde {
namespace {

using FloatRows = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

FloatRows model_rows(const Dataset& set, std::span<const std::uint32_t> items) {
  FloatRows rows(static_cast<Index>(items.size()), set.shape.size());
  for (std::size_t k = 0; k < items.size(); ++k) set.item(items[k], rows.row(static_cast<Index>(k)).data());
  return rows;
}

double item_distance(const Dataset& set, std::size_t i, std::size_t j) {
  std::vector<float> x(static_cast<std::size_t>(set.shape.size())), y(x.size());
  set.item(i, x.data());
  set.item(j, y.data());
  double sum = 0;
  for (std::size_t k = 0; k < x.size(); ++k) sum += (double{x[k]} - y[k]) * (double{x[k]} - y[k]);
  return std::sqrt(sum);
}

void take_pair(const Dataset& set, std::size_t i, std::size_t j, LargestDistance& best) {
  const double distance = item_distance(set, i, j);
  if (distance > best.distance) best.distance = distance, best.first = i, best.second = j;
}

/// All pairs of the items by |a - b|^2 = |a|^2 + |b|^2 - 2 a.b, whose products are matrix products over blocks.
void compare_pairs(const Dataset& set, std::span<const std::uint32_t> items, LargestDistance& best) {
  constexpr Index kBlock = 256;
  const FloatRows rows = model_rows(set, items);
  const Eigen::VectorXf squares = rows.rowwise().squaredNorm();
  const Index n = rows.rows();
  float largest = 0;
  Index first = 0, second = 0;
  for (Index a = 0; a < n; a += kBlock) {
    const Index height = std::min(kBlock, n - a);
    for (Index b = a; b < n; b += kBlock) {
      const Index width = std::min(kBlock, n - b);
      FloatRows distances = -2 * rows.middleRows(a, height) * rows.middleRows(b, width).transpose();
      distances.colwise() += squares.segment(a, height);
      distances.rowwise() += squares.segment(b, width).transpose();
      Index i, j;
      const float here = distances.maxCoeff(&i, &j);
      if (here > largest) largest = here, first = a + i, second = b + j;
    }
  }
  take_pair(set, items[static_cast<std::size_t>(first)], items[static_cast<std::size_t>(second)], best);
}

std::size_t farthest_from(const Dataset& set, std::size_t origin) {
  const Index size = set.shape.size();
  Eigen::VectorXf centre(size), x(size);
  set.item(origin, centre.data());
  std::size_t farthest = origin;
  float largest = 0;
  for (std::size_t i = 0; i < set.count; ++i) {
    set.item(i, x.data());
    const float here = (x - centre).squaredNorm();
    if (here > largest) largest = here, farthest = i;
  }
  return farthest;
}

std::size_t count_duplicates(const Dataset& set) {
  if (!set.shape.image) return 0;
  std::unordered_set<std::string_view> seen;
  for (std::size_t i = 0; i < set.count; ++i) {
    const auto pixels = set.image(i);
    seen.emplace(reinterpret_cast<const char*>(pixels.data()), pixels.size());
  }
  return set.count - seen.size();
}

}  // namespace

LargestDistance largest_distance(const Dataset& set, std::uint64_t seed, std::size_t most) {
  LargestDistance best;
  if (set.count < 2) return best;
  if (most == 0) most = set.shape.size() <= 32 ? 10000 : 2000;
  const auto items = random_subset(set.count, most, seed);
  best.items = items.size();
  best.exact = items.size() == set.count;
  compare_pairs(set, items, best);
  for (int pass = 0; pass < 4 && !best.exact; ++pass) {
    const double before = best.distance;
    const std::size_t first = best.first;
    take_pair(set, first, farthest_from(set, first), best);
    const std::size_t second = best.second;
    take_pair(set, second, farthest_from(set, second), best);
    if (best.distance == before) break;
  }
  return best;
}

Statistics measure(const Dataset& set, std::uint64_t seed) {
  Statistics s;
  s.class_counts.assign(static_cast<std::size_t>(set.classes()), 0);
  for (const std::int32_t label : set.labels) ++s.class_counts[static_cast<std::size_t>(label)];
  const auto take_range = [&](const auto& stored) {
    const auto [low, high] = std::minmax_element(stored.begin(), stored.end());
    s.stored_low = *low, s.stored_high = *high;
  };
  if (set.shape.image)
    take_range(set.pixels);
  else
    take_range(set.values);
  std::vector<float> x(static_cast<std::size_t>(set.shape.size()));
  double sum = 0, squares = 0;
  float low = std::numeric_limits<float>::infinity(), high = -low;
  for (std::size_t i = 0; i < set.count; ++i) {
    set.item(i, x.data());
    for (const float value : x) {
      sum += value, squares += double{value} * value;
      low = std::min(low, value), high = std::max(high, value);
    }
  }
  const double n = static_cast<double>(set.count) * static_cast<double>(x.size());
  s.low = low, s.high = high;
  s.mean = sum / n;
  s.std = std::sqrt(std::max(0.0, squares / n - s.mean * s.mean));
  s.duplicates = count_duplicates(set);
  const LargestDistance largest = largest_distance(set, seed);
  s.largest_distance = largest.distance;
  s.distance_items = largest.items;
  s.distance_is_estimate = !largest.exact;
  return s;
}

}  // namespace scoresde
