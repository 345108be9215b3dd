#include "sampler/calibration.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "core/error.h"
#include "core/sum.h"
#include "sampler/test_problem.h"

namespace scoresde {
namespace {

std::vector<std::uint64_t> ids_from(std::uint64_t first, std::size_t count) {
  std::vector<std::uint64_t> ids(count);
  std::iota(ids.begin(), ids.end(), first);
  return ids;
}

double rms(const Times& distances) { return std::sqrt(ordered_mean(distances.square())); }

class CalibrationOn : public testing::TestWithParam<const char*> {};

TEST_P(CalibrationOn, FindsBetterTimesThanTheUsual) {
  const GaussianProblem problem(GetParam(), 3);
  const auto ids = ids_from(0, 32), fresh = ids_from(100, 32);
  const ReferencePaths paths = reference_paths(*problem.sde, problem.score, 7, ids),
                       other = reference_paths(*problem.sde, problem.score, 7, fresh);
  const CalibratedPlan plan = calibrate(*problem.sde, problem.score, 7, ids, paths, 6);
  const SolverChoice choice(plan.solver, {});
  EXPECT_EQ(choice.evaluations(static_cast<int>(plan.times.size()) - 1, true), 6);
  EXPECT_EQ(plan.times.front(), problem.sde->t_max());
  EXPECT_GE(plan.times.back(), problem.sde->t_end());
  EXPECT_TRUE(std::is_sorted(plan.times.rbegin(), plan.times.rend()));
  const SolverChoice usual("dpm++2m", {});
  const auto usual_times = usual.times(*problem.sde, usual.steps_for(6, true));
  const double found = rms(distances_to_reference(*problem.sde, problem.score, 7, fresh, other.end, plan.solver,
                                                  plan.times, true)),
               before = rms(distances_to_reference(*problem.sde, problem.score, 7, fresh, other.end, "dpm++2m",
                                                   usual_times, true));
  EXPECT_LT(found, 0.5 * before);
}

TEST_P(CalibrationOn, TheReferenceIsTheFlow) {
  const GaussianProblem problem(GetParam(), 3);
  const auto ids = ids_from(0, 8);
  const ReferencePaths paths = reference_paths(*problem.sde, problem.score, 7, ids);
  const Batch exact = problem.score.flow(paths.states.front(), problem.sde->t_max(), problem.sde->t_end());
  EXPECT_LT((paths.states.back() - exact).abs().maxCoeff(), 2e-4);
}

INSTANTIATE_TEST_SUITE_P(Sdes, CalibrationOn, testing::Values("vp", "sub-vp", "ve"), [](const auto& info) {
  return std::string(info.param) == "sub-vp" ? std::string("sub_vp") : std::string(info.param);
});

TEST(ShortestPath, IsTheShortestOfAll) {
  const GaussianProblem problem("vp", 2);
  const ReferencePaths paths = reference_paths(*problem.sde, problem.score, 7, ids_from(0, 8), 7);
  const auto length = [&](const std::vector<std::size_t>& stops) {  // of DDIM steps, each from the reference
    double sum = 0;
    for (std::size_t k = 0; k + 1 < stops.size(); ++k) {
      const std::size_t i = stops[k], j = stops[k + 1];
      const Marginal a = problem.sde->marginal(paths.times[i]), b = problem.sde->marginal(paths.times[j]);
      const Batch to = (paths.states[i] - a.sigma * paths.noise[i]) * (b.alpha / a.alpha) + b.sigma * paths.noise[i];
      sum += ordered_mean(row_norm(to - paths.states[j])) / b.alpha;
    }
    return sum;
  };
  double least = INFINITY;
  std::vector<std::size_t> best;
  for (std::size_t i = 1; i < 7; ++i)
    for (std::size_t j = i + 1; j < 7; ++j)
      if (length({0, i, j, 7}) < least) least = length({0, i, j, 7}), best = {0, i, j, 7};
  const std::vector<double> times = shortest_path_times(*problem.sde, paths, 3, false);
  ASSERT_EQ(times.size(), 4u);
  for (std::size_t k = 0; k < 4; ++k) EXPECT_EQ(times[k], paths.times[best[k]]) << k;
  EXPECT_EQ(shortest_path_times(*problem.sde, paths, 7, false), paths.times);
  EXPECT_THROW(shortest_path_times(*problem.sde, paths, 8, false), Error);
}

}  // namespace
}  // namespace scoresde
