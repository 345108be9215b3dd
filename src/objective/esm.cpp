#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>

#include "objective/score_matching.h"

namespace scoresde {
namespace {

// The oracle at x, row by row on all threads.
at::Tensor oracle_score(const Score& oracle, const at::Tensor& x, const Times& t) {
  const at::Tensor points = x.detach().to(at::kCPU).to(at::kDouble).flatten(1).contiguous();
  const at::Tensor result = at::empty(points.sizes(), at::TensorOptions(at::kDouble));
  const Eigen::Map<const Batch> rows(points.data_ptr<double>(), points.size(0), points.size(1));
  Eigen::Map<Batch> scores(result.data_ptr<double>(), points.size(0), points.size(1));
  at::parallel_for(0, points.size(0), 8, [&](std::int64_t first, std::int64_t last) {
    scores.middleRows(first, last - first) =
        oracle(rows.middleRows(first, last - first), t.segment(first, last - first));
  });
  return result;
}

/// Explicit score matching: L = E_t lambda(t) ||score(x_t, t) - grad log p_t(x_t)||^2 with the true score of an oracle
/// (Hyvarinen 2005, eq. 2). Against the data set's own law it is dsm with the noise of the target averaged away.
class ExplicitScoreMatching : public ScoreMatching {
 public:
  ExplicitScoreMatching(const ObjectiveConfig& config, const Sde& sde, const Score& oracle)
      : ScoreMatching(config, sde), oracle_(oracle) {}

 protected:
  at::Tensor matching(const Learner& learner, const MatchingBatch& batch, const Times& t, const TrainingNoise&,
                      at::Tensor& output) const override {
    output = learner.raw(batch.x, batch.at);
    // (score* - score_x x) / score_f in double: the two cancel where sigma is small.
    const at::Tensor x = batch.x.detach(), wide = x.to(at::kDouble);
    Times on_x(t.size()), on_score(t.size());
    for (Index i = 0; i < t.size(); ++i) {
      const Preconditioning& at = batch.at[static_cast<std::size_t>(i)];
      on_x[i] = -at.score_x / at.score_f;
      on_score[i] = 1 / at.score_f;
    }
    const at::Tensor truth = oracle_score(oracle_, x, t).reshape(x.sizes()).to(x.device());
    const at::Tensor target = truth * per_sample(on_score, wide) + wide * per_sample(on_x, wide);
    return sample_sum((output - target.to(x.scalar_type())).square());
  }

 private:
  const Score& oracle_;
};

}  // namespace

std::unique_ptr<Objective> make_esm(const ObjectiveConfig& config, const Sde& sde, const Score* oracle) {
  if (!oracle) fail(Failure::usage, "objective esm needs the true score");
  return std::make_unique<ExplicitScoreMatching>(config, sde, *oracle);
}

}  // namespace scoresde
