#include <ATen/ops/zeros_like.h>

#include "objective/score_matching.h"

namespace scoresde {
namespace {

// A trace takes a backward pass a dimension, and all of them stay in memory for the gradient.
constexpr std::int64_t most_dimensions = 256;

/// Implicit score matching: L = E_t lambda(t) (||score||^2 + 2 tr d score/dx) (Hyvarinen 2005, theorem 1), the trace
/// exactly, by D vector-Jacobian products.
class ImplicitScoreMatching : public ScoreMatching {
 public:
  using ScoreMatching::ScoreMatching;

 protected:
  at::Tensor matching(const Learner& learner, const MatchingBatch& batch, const Times&, const TrainingNoise&,
                      at::Tensor& output) const override {
    const std::int64_t dimensions = batch.x[0].numel();
    if (dimensions > most_dimensions)
      fail(Failure::usage, "objective ism takes samples of at most {} values, not {}; ssm serves every size",
           most_dimensions, dimensions);
    output = learner.raw(batch.x, batch.at);
    const at::Tensor r = scaled_score(batch, batch.x, output);
    at::Tensor trace;
    for (std::int64_t j = 0; j < dimensions; ++j) {
      const at::Tensor axis = at::zeros_like(batch.x.detach());
      axis.flatten(1).select(1, j).fill_(1);
      const at::Tensor entry = pulled_back(batch, r, axis).flatten(1).select(1, j);
      trace = trace.defined() ? trace + entry : entry;
    }
    return sample_sum(r.square()) + batch.twice_inverse * trace;
  }
};

}  // namespace

std::unique_ptr<Objective> make_ism(const ObjectiveConfig& config, const Sde& sde, const Score*) {
  return std::make_unique<ImplicitScoreMatching>(config, sde);
}

}  // namespace scoresde
