#include "sampler/sample.h"

#include <cmath>

#include "core/clock.h"

namespace scoresde {
namespace {

void check_sampling_times(std::span<const double> times, bool equal) {
  if (times.size() < 2) fail(Failure::usage, "sampling needs at least two times, not {}", times.size());
  for (std::size_t i = 0; i + 1 < times.size(); ++i)
    if (!(times[i] > times[i + 1] || (equal && times[i] == times[i + 1])))
      fail(Failure::usage, "the times of sampling must fall: time {} is {} and time {} is {}", i, times[i], i + 1,
           times[i + 1]);
}

/// Keeps the books of a run: evaluations and the first failure of every row.
class SamplingLedger {
 public:
  SamplingLedger(const CountingScore& score, Index rows)
      : score_(score), failed_(static_cast<std::size_t>(rows), false), evaluations_(failed_.size(), 0) {}

  /// After a step: `adaptive` is its own account, where it keeps one.
  void book(const AdaptiveReport* adaptive, const Batch& x, int step, double t) {
    const std::uint64_t rows_evaluated = score_.rows_evaluated() - seen_;
    seen_ = score_.rows_evaluated();
    for (std::size_t row = 0; row < failed_.size(); ++row) {
      evaluations_[row] +=
          adaptive ? adaptive->evaluations[row] : static_cast<std::uint32_t>(rows_evaluated / failed_.size());
      const auto index = static_cast<Index>(row);
      if (!x.row(index).isFinite().all())
        note(SampleFailure::Reason::non_finite, index, step, t);
      else if (adaptive && !adaptive->converged[row])
        note(SampleFailure::Reason::not_converged, index, step, t);
    }
  }

  bool all_failed() const { return !failed_.empty() && failures_.size() == failed_.size(); }

  void close(Samples& samples) {
    samples.evaluations = std::move(evaluations_);
    samples.failures = std::move(failures_);
  }

 private:
  void note(SampleFailure::Reason reason, Index row, int step, double t) {
    if (failed_[static_cast<std::size_t>(row)]) return;
    failed_[static_cast<std::size_t>(row)] = true;
    failures_.push_back({reason, row, step, t});
  }

  const CountingScore& score_;
  std::uint64_t seen_ = 0;
  std::vector<bool> failed_;
  std::vector<std::uint32_t> evaluations_;
  std::vector<SampleFailure> failures_;
};

}  // namespace

Samples sample(const ReverseProcess& process, Solver& solver, Batch x, std::span<const double> times,
               const SampleOptions& options) {
  check_sampling_times(times, solver.takes_equal_times());
  const Stopwatch watch;
  const CountingScore score(process.score);
  const ReverseProcess counted{process.sde, score, process.noise};
  const int steps = static_cast<int>(times.size()) - 1;
  SamplingLedger ledger(score, x.rows());
  Samples samples;
  const auto tell = [&](int step, double t) {
    if (options.progress) options.progress({step, steps, t, x});
  };

  solver.begin(times);
  tell(0, times.front());
  for (int i = 0; i < steps && !ledger.all_failed(); ++i) {
    const Interval interval{times[static_cast<std::size_t>(i)], times[static_cast<std::size_t>(i) + 1],
                            static_cast<std::uint32_t>(i)};
    x = solver.step(counted, x, interval);
    ledger.book(solver.adaptive(), x, i, interval.t);
    if (const Times* accepted = solver.acceptance()) {
      if (samples.acceptance.size() == 0) samples.acceptance = Times::Zero(x.rows());
      samples.acceptance += (*accepted - samples.acceptance) / (i + 1);
    }
    tell(i + 1, interval.s);
  }
  if (options.denoise && !ledger.all_failed()) {
    x = solver.denoise(counted, x, times.back());
    ledger.book(nullptr, x, steps, times.back());
  }

  samples.x = std::move(x);
  ledger.close(samples);
  samples.seconds = watch.seconds();
  return samples;
}

std::string to_text(const SampleFailure& failure, std::uint64_t sample) {
  return fmt::format("sample {}: {} step {} (t = {})", sample,
                     failure.reason == SampleFailure::Reason::non_finite ? "not a finite number after"
                                                                         : "the tolerance could not be met in",
                     failure.step + 1, failure.t);
}

Batch draw_prior(const Sde& sde, const NoiseSource& noise) {
  const Interval start{sde.t_max(), sde.t_max(), 0};
  return sde.prior_std() * noise.normal(Purpose::prior, start);
}

}  // namespace scoresde
