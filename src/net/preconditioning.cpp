#include "net/preconditioning.h"

#include <algorithm>
#include <cmath>

namespace scoresde {
namespace {

struct Common {
  double alpha, sigma, m, label;
};

Common common_terms(const Sde& sde, double t, double data_std) {
  const auto [alpha, sigma] = sde.marginal(t);
  const double label = std::clamp(-sde.log_snr(t) / 4, -5.0, 5.0);
  return {alpha, sigma, std::hypot(sigma, alpha * data_std), std::isnan(label) ? 5.0 : label};
}

Preconditioning predict_score(const Sde& sde, double t, double data_std) {
  const auto [alpha, sigma, m, label] = common_terms(sde, t, data_std);
  return {1 / m, label, 0, 1, 0, -1 / sigma};
}

Preconditioning predict_noise(const Sde& sde, double t, double data_std) {
  const auto [alpha, sigma, m, label] = common_terms(sde, t, data_std);
  return {1 / m, label, 0, -1 / sigma, 0, 1};
}

Preconditioning predict_denoised(const Sde& sde, double t, double data_std) {
  const auto [alpha, sigma, m, label] = common_terms(sde, t, data_std);
  const double variance = sigma * sigma;
  return {1 / m, label, -1 / variance, alpha / variance, 1, 0};
}

// alpha' = f alpha and 2 sigma sigma' = g^2 + 2 f sigma^2 give the direction of the path. Only the direction is used:
// the speed may run to infinity at an end of the time interval (cosine-VP) without harm.
Preconditioning predict_velocity(const Sde& sde, double t, double data_std) {
  const auto [alpha, sigma, m, label] = common_terms(sde, t, data_std);
  const double f = sde.drift(t), g = sde.diffusion(t);
  const double alpha_rate = f * alpha, sigma_rate = g * g / (2 * sigma) + f * sigma;
  const double speed = std::hypot(alpha_rate, sigma_rate);
  const double a = alpha_rate / speed, s = sigma_rate / speed;
  const double w = alpha * g * g / (2 * sigma * speed);  // alpha s - a sigma without its cancellation
  return {1 / m, label, a / (sigma * w), -alpha / (sigma * w), a, s};
}

Preconditioning predict_edm(const Sde& sde, double t, double data_std) {
  const auto [alpha, sigma, m, label] = common_terms(sde, t, data_std);
  return {1 / m, label, -1 / (m * m), alpha * data_std / (sigma * m), sigma / (data_std * m), -alpha * data_std / m};
}

constexpr PredictionEntry prediction_table[] = {
    {"score", "the score itself, unscaled", predict_score},
    {"noise", "the noise z (Ho et al. 2020)", predict_noise},
    {"denoised", "the clean sample x_0", predict_denoised},
    {"velocity", "the direction of the path; v-prediction for VP (Salimans & Ho 2022)", predict_velocity},
    {"edm", "skip connection and scales of Karras et al. (2022)", predict_edm},
};

}  // namespace

std::span<const PredictionEntry> predictions() { return prediction_table; }

}  // namespace scoresde
