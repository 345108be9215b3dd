#include "net/preconditioning.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "sde/discrete.h"

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

// Pixels from 0 to 1 in units of pixels from -1 to 1.
constexpr double half_range = 0.5;

Preconditioning song_score(const Sde& sde, double t, double) {
  const double sigma = sde.marginal(t).sigma;
  return {1, half_range * sigma, 0, half_range, 0, -1 / (half_range * sigma)};
}

Preconditioning song_level(const Sde& sde, double t, double data_std) {
  Preconditioning result = song_score(sde, t, data_std);
  result.label = 1 - t / sde.t_max();
  return result;
}

constexpr double last_chain_step = 999;

Preconditioning song_noise(const Sde& sde, double t, double) {
  return {1, last_chain_step * t / sde.t_max(), 0, -1 / sde.marginal(t).sigma, 0, 1};
}

// ln(alpha_i / sigma_i) of the chain's levels, which fall. The table belongs to f alone, linear in t for these
// SDEs: the last one made is kept.
struct ChainLogSnr {
  double drift_start = 0, drift_end = 0;
  std::vector<double> values;
};

const std::vector<double>& chain_log_snr(const Sde& sde) {
  thread_local ChainLogSnr kept;
  const double start = sde.drift(0), end = sde.drift(sde.t_max());
  if (kept.values.empty() || kept.drift_start != start || kept.drift_end != end) {
    const DdpmTable table = ddpm_table(sde, static_cast<int>(last_chain_step) + 1);
    kept = {start, end, {}};
    for (std::size_t i = 0; i < table.scale.size(); ++i)
      kept.values.push_back(std::log(table.scale[i] / table.noise[i]));
  }
  return kept.values;
}

Preconditioning ddpm_noise(const Sde& sde, double t, double data_std) {
  Preconditioning result = song_noise(sde, t, data_std);
  if (sde.name() != "vp" && sde.name() != "sub-vp") return result;
  const std::vector<double>& levels = chain_log_snr(sde);
  const double wanted = sde.log_snr(t);
  const auto below = std::lower_bound(levels.begin(), levels.end(), wanted, std::greater<>());
  if (below == levels.begin())
    result.label = 0;
  else if (below == levels.end())
    result.label = last_chain_step;
  else
    result.label = static_cast<double>(below - levels.begin()) - (wanted - *below) / (*(below - 1) - *below);
  return result;
}

constexpr PredictionEntry prediction_table[] = {
    {"score", "the score itself, unscaled", predict_score},
    {"noise", "the noise z (Ho et al. 2020)", predict_noise},
    {"denoised", "the clean sample x_0", predict_denoised},
    {"velocity", "the direction of the path; v-prediction for VP (Salimans & Ho 2022)", predict_velocity},
    {"edm", "skip connection and scales of Karras et al. (2022)", predict_edm},
    {"song-score", "score_sde's VE networks: x as it is, sigma as label, the score for pixels from 0 to 1", song_score,
     LabelKind::sigma},
    {"song-level", "score_sde's discrete VE networks, NCSN, NCSNv2: song-score with the noise level as label",
     song_level, LabelKind::level},
    {"song-noise", "score_sde's VP and sub-VP networks: x as it is, 999 t as label, the noise", song_noise,
     LabelKind::step},
    {"ddpm", "Ho et al. (2020): x as it is, the level of the 1000-step chain as label, the noise", ddpm_noise,
     LabelKind::step},
};

}  // namespace

std::span<const PredictionEntry> predictions() { return prediction_table; }

}  // namespace scoresde
