#include "likelihood/divergence.h"

#include <cmath>
#include <limits>

#include "core/catalog.h"
#include "core/sum.h"

namespace scoresde {
namespace {

void check_probe_count(const DivergenceEntry& entry, int count, Index dimension) {
  if (count < 1 || count > 65535) fail(Failure::usage, "{} probes were asked for; 1 to 65535 are possible", count);
  if (count % entry.block != 0)
    fail(Failure::usage, "divergence {} takes its probes in groups of {}; {} is no multiple", entry.name, entry.block,
         count);
  if (entry.reduction(count, dimension) < 0)
    fail(Failure::usage, "divergence {} has at most as many probes as a sample has values: {}, not {}", entry.name,
         dimension, count);
}

}  // namespace

Probes make_probes(std::string_view name, int count, std::uint64_t seed, std::span<const std::uint64_t> samples,
                   Index dimension) {
  const DivergenceEntry& entry = find_entry("divergence", divergences(), name);
  if (!entry.exact) check_probe_count(entry, count, dimension);
  const Index probes = entry.exact ? dimension : count;
  Probes result{.exact = entry.exact};
  result.v.assign(static_cast<std::size_t>(probes), Batch(static_cast<Index>(samples.size()), dimension));
  Batch one(probes, dimension);
  for (std::size_t i = 0; i < samples.size(); ++i) {
    entry.fill(seed, samples[i], one);
    for (Index k = 0; k < probes; ++k) result.v[static_cast<std::size_t>(k)].row(static_cast<Index>(i)) = one.row(k);
  }
  return result;
}

Times probe_error(const DivergenceEntry& entry, const Batch& estimates, Index dimension) {
  if (entry.exact) return Times::Zero(estimates.rows());
  const Index blocks = estimates.cols() / entry.block;
  if (blocks < 2) return times_of(estimates.rows(), std::numeric_limits<double>::quiet_NaN());
  Batch means(estimates.rows(), blocks);
  for (Index b = 0; b < blocks; ++b) means.col(b) = row_mean(estimates.middleCols(b * entry.block, entry.block));
  const Times centre = row_mean(means);
  const Times variance = row_sum((means.colwise() - centre).square()) / static_cast<double>(blocks - 1);
  return (variance / static_cast<double>(blocks) * entry.reduction(estimates.cols(), dimension)).sqrt();
}

}  // namespace scoresde
