#include <algorithm>
#include <cmath>

#include "core/brownian.h"
#include "core/sum.h"
#include "sampler/solver.h"

namespace scoresde {
namespace {

constexpr std::uint32_t kMostAttempts = 100000;
constexpr double kSdeSafety = 0.9, kSdeLeastFactor = 0.2, kSdeMostFactor = 3;

Batch chosen_rows(const Batch& x, const std::vector<Index>& rows) { return x(rows, Eigen::all); }

/// The rows that are still under way. In u = x alpha / sigma^2 and the clock k = (alpha / sigma)^2 the reverse SDE of
/// every linear SDE is du = D dk + dW(k), D the denoised estimate: nothing is stiff and the noise is additive.
class ReverseSdeRun {
 public:
  ReverseSdeRun(const ReverseProcess& p, const Batch& x, const Interval& i, double tolerance)
      : p_(p),
        interval_(i),
        tolerance_(tolerance),
        most_step_(longest_step(2 * (p.sde.log_snr(i.s) - p.sde.log_snr(i.t)))),
        tree_(p.noise, std::exp(2 * p.sde.log_snr(i.t)), std::exp(2 * p.sde.log_snr(i.s))),
        x_(x),
        path_(Batch::Zero(x.rows(), x.cols())),
        result_(x) {
    const auto count = static_cast<std::size_t>(x.rows());
    report_ = {std::vector<std::uint32_t>(count, 0), std::vector<bool>(count, true)};
    for (Index row = 0; row < x.rows(); ++row) rows_.push_back({row, 0, most_step_ / 4, 0});
  }

  Batch run(AdaptiveReport& report) {
    if (x_.rows() > 0) denoised_ = evaluate(x_, rows_);
    while (!rows_.empty()) attempt();
    report = std::move(report_);
    return std::move(result_);
  }

 private:
  /// Where a row of the caller's batch stands on its path, and the step it tries next.
  struct Row {
    Index row;
    std::uint32_t place, step, attempts;
  };

  /// Of a whole of `log_ratio` in log k: a step multiplies k by e at most. Of a step over the whole decision between
  /// two modes Euler and Heun agree: it ends at the mean of the data with little noise, and D(x) is x there.
  static std::uint32_t longest_step(double log_ratio) {
    return static_cast<std::uint32_t>(BrownianTree::kPlaces / std::max(log_ratio, 1.0));
  }

  double time(std::uint32_t place) const {
    if (place == 0) return interval_.t;
    return place == BrownianTree::kPlaces ? interval_.s : p_.sde.time_at(0.5 * std::log(tree_.clock(place)));
  }

  Times times(const std::vector<Row>& rows) const {
    Times t(static_cast<Index>(rows.size()));
    for (std::size_t k = 0; k < rows.size(); ++k) t(static_cast<Index>(k)) = time(rows[k].place);
    return t;
  }

  Batch evaluate(const Batch& x, const std::vector<Row>& rows) {
    for (const Row& row : rows) ++report_.evaluations[static_cast<std::size_t>(row.row)];
    return denoise(p_.sde, p_.score, x, times(rows));
  }

  /// One step of every row by Heun's method, kept where it is near enough to Euler's.
  void attempt() {
    const auto count = static_cast<Index>(rows_.size());
    std::vector<Row> ahead = rows_;
    Times length(count);
    Batch path(count, x_.cols());
    for (Index k = 0; k < count; ++k) {
      Row& row = ahead[static_cast<std::size_t>(k)];
      const double before = tree_.clock(row.place);
      row.place += std::min(row.step, BrownianTree::kPlaces - row.place);
      length(k) = tree_.clock(row.place) - before;
      tree_.value(row.row, row.place, {path.data() + k * path.cols(), static_cast<std::size_t>(path.cols())});
    }
    const Marginals from = marginals(p_.sde, times(rows_)), to = marginals(p_.sde, times(ahead));
    const Times in = from.alpha / from.sigma.square(), out = to.sigma.square() / to.alpha;
    const Batch linear = (x_.colwise() * in + (path - path_)).colwise() * out;
    const Batch euler = linear + denoised_.colwise() * (length * out);
    const Batch there = evaluate(euler, ahead);
    const Batch error = (there - denoised_).colwise() * (0.5 * length * out), heun = euler + error;
    // Of y = x / alpha, in which all SDEs are one: an error of x while alpha is small is one of the whole sample later.
    const Batch scaled = error / (tolerance_ * (heun.abs().colwise() + to.alpha));
    settle(ahead, (row_dot(scaled, scaled) / static_cast<double>(x_.cols())).sqrt(), heun, path);
  }

  /// Keeps or repeats the step of each row, chooses its next size, and takes out the rows that are done. A step is
  /// repeated on the same path: its noise is never drawn again.
  void settle(const std::vector<Row>& ahead, const Times& ratio, const Batch& heun, const Batch& path) {
    std::vector<Row> moved, going_on;
    std::vector<Index> moved_at, kept;
    for (Index k = 0; k < ratio.size(); ++k) {
      Row& row = rows_[static_cast<std::size_t>(k)];
      const bool accepted = ratio(k) < 1;  // false for NaN
      const double wanted = kSdeSafety / std::sqrt(std::max(ratio(k), 1e-10));
      const double factor =
          wanted > kSdeLeastFactor ? std::min(wanted, accepted ? kSdeMostFactor : 1) : kSdeLeastFactor;
      const auto tried = static_cast<double>(ahead[static_cast<std::size_t>(k)].place - row.place);
      row.step = static_cast<std::uint32_t>(std::clamp(tried * factor, 1.0, 1.0 * most_step_));
      if (accepted) {
        row.place = ahead[static_cast<std::size_t>(k)].place;
        x_.row(k) = heun.row(k);
        path_.row(k) = path.row(k);
      }
      const bool done = row.place == BrownianTree::kPlaces;
      if (done || ++row.attempts >= kMostAttempts || (!accepted && tried <= 1)) {
        result_.row(row.row) = x_.row(k);
        report_.converged[static_cast<std::size_t>(row.row)] = done;
        continue;
      }
      if (accepted) {
        moved.push_back(row);
        moved_at.push_back(static_cast<Index>(going_on.size()));
      }
      going_on.push_back(row);
      kept.push_back(k);
    }
    if (kept.size() < rows_.size()) close_up(kept);
    rows_ = std::move(going_on);
    if (!moved.empty()) denoised_(moved_at, Eigen::all) = evaluate(chosen_rows(x_, moved_at), moved);
  }

  void close_up(const std::vector<Index>& kept) {
    x_ = chosen_rows(x_, kept);
    path_ = chosen_rows(path_, kept);
    denoised_ = chosen_rows(denoised_, kept);
  }

  const ReverseProcess& p_;
  Interval interval_;
  double tolerance_;
  std::uint32_t most_step_;
  BrownianTree tree_;
  Batch x_, path_, denoised_;
  std::vector<Row> rows_;
  Batch result_;
  AdaptiveReport report_;
};

/// The reverse SDE with a step size for each sample, controlled by the difference between Heun's and Euler's step as in
/// Jolicoeur-Martineau et al. (2021), but on a Brownian path that is fixed for each sample: theirs draws new noise
/// after a rejected step, which prefers quiet noise. Samples that have arrived are no longer evaluated.
class AdaptiveSde : public Solver {
 public:
  explicit AdaptiveSde(const SolverOptions& options) : tolerance_(options.tolerance) {}

  Batch step(const ReverseProcess& p, const Batch& x, const Interval& i) override {
    return ReverseSdeRun(p, x, i, tolerance_).run(report_);
  }
  const AdaptiveReport* adaptive() const override { return &report_; }

 private:
  double tolerance_;
  AdaptiveReport report_;
};

}  // namespace

std::unique_ptr<Solver> make_adaptive_sde(const SolverOptions& options) {
  return std::make_unique<AdaptiveSde>(options);
}

}  // namespace scoresde
