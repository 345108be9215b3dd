#pragma once
#include <span>
#include <string_view>
#include <vector>

#include "core/batch.h"

namespace scoresde {

/// The probe vectors with which a trace is estimated, held fixed along a whole trajectory, so that the ODE is a true
/// ODE (Grathwohl et al. 2019, FFJORD, sec. 3.1): tr J ~ v^T J v, E[v v^T] = I (Hutchinson 1990; Skilling 1989).
struct Probes {
  std::vector<Batch> v;  ///< one batch a probe: row i is of item i
  bool exact = false;    ///< v is the whole basis: the sum over v, not the mean, is the trace
};

/// A row of the table of divergence estimators. The mean over probes is unbiased for all.
struct DivergenceEntry {
  std::string_view name, summary;
  bool exact = false;  ///< D probes, no error; the number of probes is not asked for
  int block = 1;       ///< so many probes hang together: the standard error is that of the means of blocks
  /// Writes probes x dimension numbers for one item: a function of (seed, sample) alone.
  void (*fill)(std::uint64_t seed, std::uint64_t sample, Batch& probes);
  /// By what the variance of a mean of n probes of dimension D is smaller than that of n independent ones.
  double (*reduction)(Index probes, Index dimension) = [](Index, Index) { return 1.0; };
};
std::span<const DivergenceEntry> divergences();

/// `count` probes a sample (ignored where the estimator is exact), addressed by Purpose::probe. Error{usage} for an
/// unknown estimator, count < 1 or over 65535, one that is no multiple of the block, or more orthogonal probes than
/// dimensions.
Probes make_probes(std::string_view name, int count, std::uint64_t seed, std::span<const std::uint64_t> samples,
                   Index dimension);

/// Standard error of the mean over each row of `estimates` (rows x probes); 0 where the estimator is exact, NaN where
/// there are fewer than two blocks.
Times probe_error(const DivergenceEntry& entry, const Batch& estimates, Index dimension);

}  // namespace scoresde
