#include "score/prediction.h"

namespace scoresde {
namespace {

// value = x_part x + score_part score, for one time.
struct AffineInScore {
  double x_part, score_part;
};

AffineInScore affine_in_score(const Sde& sde, Prediction kind, double t) {
  const Marginal m = sde.marginal(t);
  switch (kind) {
    case Prediction::score:
      return {0, 1};
    case Prediction::noise:
      return {0, -m.sigma};
    case Prediction::denoised:
      return {1 / m.alpha, m.sigma * m.sigma / m.alpha};
    case Prediction::velocity:
      return {sde.drift(t), -0.5 * sde.diffusion(t) * sde.diffusion(t)};
  }
  return {0, 1};
}

}  // namespace

Batch convert_prediction(const Sde& sde, Prediction from, Prediction to, const Batch& x, const Times& t,
                         const Batch& value) {
  if (from == to) return value;
  Times x_part(t.size()), value_part(t.size());
  for (Index i = 0; i < t.size(); ++i) {
    const AffineInScore given = affine_in_score(sde, from, t[i]), wanted = affine_in_score(sde, to, t[i]);
    value_part[i] = wanted.score_part / given.score_part;
    x_part[i] = wanted.x_part - value_part[i] * given.x_part;
  }
  return x.colwise() * x_part + value.colwise() * value_part;
}

}  // namespace scoresde
