#pragma once
#include "core/batch.h"
#include "sde/sde.h"

namespace scoresde {

/// The four equivalent quantities a model may give at (x_t, t), with x_t = alpha x_0 + sigma z:
///   score     grad log p_t(x)
///   noise     E[z | x_t]   = -sigma score
///   denoised  E[x_0 | x_t] = (x + sigma^2 score) / alpha                       (Tweedie)
///   velocity  alpha' E[x_0 | x_t] + sigma' E[z | x_t] = f x - g^2 score / 2    (the probability flow's dx/dt)
enum class Prediction { score, noise, denoised, velocity };

/// Turns `value`, a prediction of kind `from` at rows x and times t, into kind `to`. All maps are affine in `value`
/// with coefficients of (x, t) alone, so a network's output can be read as any of them. From velocity needs g(t) > 0.
Batch convert_prediction(const Sde& sde, Prediction from, Prediction to, const Batch& x, const Times& t,
                         const Batch& value);

}  // namespace scoresde
