#include "core/catalog.h"
#include "objective/directions.h"
#include "objective/score_matching.h"

namespace scoresde {
namespace {

/// The three sliced forms; all look along random v with E[v v^T] = I, `slices` of them a sample.
enum class Slicing {
  plain,              ///< 2 v^T J v + (v . score)^2 (Song et al. 2019, eq. 7)
  variance_reduced,   ///< 2 v^T J v + ||score||^2 (Song et al. 2019, eq. 8)
  finite_difference,  ///< plain, v^T J v and v . score by central differences and means over x +- h v: no second
                      ///< derivative; off by O(h^2) (Pang et al. 2020)
};

class SlicedScoreMatching : public ScoreMatching {
 public:
  SlicedScoreMatching(const ObjectiveConfig& config, const Sde& sde, Slicing slicing)
      : ScoreMatching(config, sde),
        slicing_(slicing),
        direction_(find_entry("direction", directions(), config.directions)) {}

 protected:
  at::Tensor matching(const Learner& learner, const MatchingBatch& batch, const Times& t, const TrainingNoise& noise,
                      at::Tensor& output) const override {
    at::Tensor r, total;
    if (slicing_ != Slicing::finite_difference) {
      output = learner.raw(batch.x, batch.at);
      r = scaled_score(batch, batch.x, output);
    }
    for (int k = 0; k < config().slices; ++k) {
      const at::Tensor v = direction_.make(noise.normal(Purpose::direction, batch.x, static_cast<std::uint32_t>(k)));
      const at::Tensor part = slicing_ == Slicing::finite_difference ? by_differences(learner, batch, t, v, output)
                                                                     : by_double_backward(batch, r, v);
      total = total.defined() ? total + part : part;
    }
    total = total / static_cast<double>(config().slices);
    return slicing_ == Slicing::variance_reduced ? total + sample_sum(r.square()) : total;
  }

 private:
  at::Tensor by_double_backward(const MatchingBatch& batch, const at::Tensor& r, const at::Tensor& v) const {
    const at::Tensor trace = batch.twice_inverse * sample_sum(pulled_back(batch, r, v) * v);
    return slicing_ == Slicing::plain ? trace + sample_sum(r * v).square() : trace;
  }

  // The step is a share of sigma: the law of x_t has no finer structure.
  at::Tensor by_differences(const Learner& learner, const MatchingBatch& batch, const Times& t, const at::Tensor& v,
                            at::Tensor& output) const {
    const at::Tensor h = per_sample(config().difference_step * marginals(learner.sde(), t).sigma, batch.x);
    const at::Tensor x = batch.x.detach(), ahead = x + h * v, behind = x - h * v;
    output = learner.raw(ahead, batch.at);
    const at::Tensor after = scaled_score(batch, ahead, output);
    const at::Tensor before = scaled_score(batch, behind, learner.raw(behind, batch.at));
    const at::Tensor slope = sample_sum((after - before) * v) / (2 * h.reshape({-1}));
    return batch.twice_inverse * slope + (0.5 * sample_sum((after + before) * v)).square();
  }

  Slicing slicing_;
  const DirectionEntry& direction_;
};

}  // namespace

std::unique_ptr<Objective> make_ssm(const ObjectiveConfig& config, const Sde& sde, const Score*) {
  return std::make_unique<SlicedScoreMatching>(config, sde, Slicing::plain);
}

std::unique_ptr<Objective> make_ssm_vr(const ObjectiveConfig& config, const Sde& sde, const Score*) {
  return std::make_unique<SlicedScoreMatching>(config, sde, Slicing::variance_reduced);
}

std::unique_ptr<Objective> make_fd_ssm(const ObjectiveConfig& config, const Sde& sde, const Score*) {
  return std::make_unique<SlicedScoreMatching>(config, sde, Slicing::finite_difference);
}

}  // namespace scoresde
