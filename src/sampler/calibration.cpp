#include "sampler/calibration.h"

#include <algorithm>
#include <cmath>

#include "core/sum.h"
#include "sampler/sample.h"
#include "sde/grid.h"

namespace scoresde {
namespace {

constexpr double kLaterWeights[] = {1, 1.15};  // GITS' own choice is 1.15

Batch noise_estimate(const Sde& sde, const Score& score, const Batch& x, double t) {
  return -sde.marginal(t).sigma * score(x, times_of(x.rows(), t));
}

// Mean over samples of the distance between a DDIM step and where it should lead, in units of the data.
double step_cost(const Batch& x, const Batch& noise, const Marginal& from, const Marginal& to, const Batch& target) {
  const Batch off = ((x - from.sigma * noise) / from.alpha) * to.alpha + to.sigma * noise - target;
  return ordered_mean(row_norm(off)) / to.alpha;
}

// costs(i, j) of a step from time i to time j > i; the last column is x_0.
Batch step_costs(const Sde& sde, const ReferencePaths& paths) {
  const auto count = static_cast<Index>(paths.times.size());
  Batch costs = Batch::Constant(count, count + 1, INFINITY);
  for (Index i = 0; i < count; ++i) {
    const auto at = static_cast<std::size_t>(i);
    const Marginal from = sde.marginal(paths.times[at]);
    for (Index j = i + 1; j < count; ++j) {
      const auto to = static_cast<std::size_t>(j);
      costs(i, j) = step_cost(paths.states[at], paths.noise[at], from, sde.marginal(paths.times[to]), paths.states[to]);
    }
    costs(i, count) = step_cost(paths.states[at], paths.noise[at], from, {1, 0}, paths.end);
  }
  return costs;
}

class Calibration {
 public:
  Calibration(const Sde& sde, const Score& score, std::uint64_t seed, std::span<const std::uint64_t> ids,
              const ReferencePaths& paths, int nfe, const CalibrationOptions& options)
      : sde_(sde), score_(score), seed_(seed), ids_(ids), paths_(paths), nfe_(nfe), options_(options) {}

  CalibratedPlan best() {
    std::vector<CalibratedPlan> plans = candidates();
    if (plans.empty()) fail(Failure::usage, "no solver makes exactly {} evaluations", nfe_);
    for (CalibratedPlan& plan : plans) {
      tell(fmt::format("{} on {}", plan.solver, plan.grid));
      plan.error = error_of(plan.solver, plan.times);
    }
    std::stable_sort(plans.begin(), plans.end(),
                     [](const CalibratedPlan& a, const CalibratedPlan& b) { return a.error < b.error; });
    plans.resize(std::min(plans.size(), static_cast<std::size_t>(options_.finalists)));
    for (CalibratedPlan& plan : plans) refine(plan);
    return *std::min_element(plans.begin(), plans.end(),
                             [](const CalibratedPlan& a, const CalibratedPlan& b) { return a.error < b.error; });
  }

 private:
  std::vector<CalibratedPlan> candidates() const {
    std::vector<CalibratedPlan> plans;
    for (const SolverEntry& entry : solvers()) {
      if (entry.stochastic || entry.adaptive || entry.corrector || entry.count(1, {}) == 0) continue;
      const SolverChoice choice(entry.name, {});
      const int steps = choice.steps_for_at_least(nfe_, options_.denoise);
      if (choice.evaluations(steps, options_.denoise) != nfe_) continue;
      for (const GridEntry& grid : grids())
        plans.push_back({std::string(entry.name), std::string(grid.name), choice.times(sde_, steps, grid.name)});
      if (steps < static_cast<int>(paths_.times.size()))
        for (const double weight : kLaterWeights)
          plans.push_back(
              {std::string(entry.name), "gits", shortest_path_times(sde_, paths_, steps, options_.denoise, weight)});
    }
    return plans;
  }

  double error_of(const std::string& solver, std::span<const double> times) const {
    const Times distances =
        distances_to_reference(sde_, score_, seed_, ids_, paths_.end, solver, times, options_.denoise);
    const double error = std::sqrt(ordered_mean(distances.square()));
    return std::isfinite(error) ? error : INFINITY;
  }

  // Every inner time, and the last one where denoising follows, towards either neighbour by a share of the way there.
  void refine(CalibratedPlan& plan) {
    const double end = sde_.log_snr(sde_.t_end());
    bool moved = false;
    double share = 0.4;
    for (int round = 0; round < options_.rounds; ++round, share /= 2) {
      tell(fmt::format("{} on {}, refined to {:.5f}", plan.solver, plan.grid, plan.error));
      const std::size_t last = plan.times.size() - (options_.denoise ? 1 : 2);
      for (std::size_t k = 1; k <= last; ++k)
        for (const int side : {-1, 1}) {
          const double here = sde_.log_snr(plan.times[k]);
          const double bound = side < 0                    ? sde_.log_snr(plan.times[k - 1])
                               : k + 1 < plan.times.size() ? sde_.log_snr(plan.times[k + 1])
                                                           : end;
          std::vector<double> times = plan.times;
          times[k] = sde_.time_at(here + share * (bound - here));
          if (!(times[k] < times[k - 1]) || (k + 1 < times.size() && !(times[k] > times[k + 1]))) continue;
          const double error = error_of(plan.solver, times);
          if (error < plan.error) plan.times = times, plan.error = error, moved = true;
        }
    }
    if (moved) plan.grid += "+";
  }

  void tell(const std::string& text) const {
    if (options_.tell) options_.tell(text);
  }

  const Sde& sde_;
  const Score& score_;
  std::uint64_t seed_;
  std::span<const std::uint64_t> ids_;
  const ReferencePaths& paths_;
  int nfe_;
  const CalibrationOptions& options_;
};

}  // namespace

ReferencePaths reference_paths(const Sde& sde, const Score& score, std::uint64_t seed,
                               std::span<const std::uint64_t> ids, int steps) {
  ReferencePaths paths;
  paths.times = make_grid("log-snr", sde, sde.t_max(), sde.t_end(), steps);
  const CounterNoise noise(seed, {ids.begin(), ids.end()}, score.dimension());
  const auto solver = make_solver("dpm-solver-3");
  paths.end = sample({sde, score, noise}, *solver, draw_prior(sde, noise), paths.times,
                     {.progress =
                          [&](const SamplingProgress& p) {
                            paths.states.push_back(p.x);
                            paths.noise.push_back(noise_estimate(sde, score, p.x, p.t));
                          }})
                  .x;
  if (!paths.end.isFinite().all())
    fail(Failure::numerical, "the reference trajectories are not finite: the model gives no usable score");
  return paths;
}

std::vector<double> shortest_path_times(const Sde& sde, const ReferencePaths& paths, int steps, bool denoise,
                                        double weight) {
  const auto count = static_cast<Index>(paths.times.size());
  if (steps < 1 || steps >= count)
    fail(Failure::usage, "a path of {} steps over {} times is not possible", steps, count);
  const Batch costs = step_costs(sde, paths);
  // least(m, i): from time i to the end in m steps; the end is x_0 with denoising, else t_end.
  const Index goal = denoise ? count : count - 1;
  const int hops = steps + (denoise ? 1 : 0);
  Batch least = Batch::Constant(hops + 1, count + 1, INFINITY);
  Eigen::Array<Index, Eigen::Dynamic, Eigen::Dynamic> next(hops + 1, count + 1);
  least(0, goal) = 0;
  for (int m = 1; m <= hops; ++m)
    for (Index i = 0; i < count; ++i)
      for (Index j = i + 1; j <= goal; ++j) {
        const double total = costs(i, j) + weight * least(m - 1, j);
        if (total < least(m, i)) least(m, i) = total, next(m, i) = j;
      }
  std::vector<double> times = {paths.times.front()};
  Index at = 0;
  for (int m = hops; m > hops - steps; --m) {
    at = next(m, at);
    times.push_back(paths.times[static_cast<std::size_t>(at)]);
  }
  return times;
}

Times distances_to_reference(const Sde& sde, const Score& score, std::uint64_t seed, std::span<const std::uint64_t> ids,
                             const Batch& end, const std::string& solver, std::span<const double> times, bool denoise) {
  const CounterNoise noise(seed, {ids.begin(), ids.end()}, score.dimension());
  const auto method = make_solver(solver);
  const Samples samples = sample({sde, score, noise}, *method, draw_prior(sde, noise), times, {.denoise = denoise});
  return row_norm(samples.x - end) / std::sqrt(static_cast<double>(end.cols()));
}

CalibratedPlan calibrate(const Sde& sde, const Score& score, std::uint64_t seed, std::span<const std::uint64_t> ids,
                         const ReferencePaths& paths, int nfe, const CalibrationOptions& options) {
  return Calibration(sde, score, seed, ids, paths, nfe, options).best();
}

}  // namespace scoresde
