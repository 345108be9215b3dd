#include "objective/weighting.h"

#include <algorithm>
#include <cmath>

namespace scoresde {
namespace {

// From the weight of ||denoised - x_0||^2 to that of ||score - score*||^2.
double from_denoised_weight(double weight, const Marginal& m) {
  const double error = m.sigma * m.sigma / m.alpha;
  return weight * error * error;
}

double sigma2_weight(const Sde& sde, double t, const WeightingOptions&) {
  const double sigma = sde.marginal(t).sigma;
  return sigma * sigma;
}

double g2_weight(const Sde& sde, double t, const WeightingOptions&) {
  const double g = sde.diffusion(t);
  return g * g;
}

double edm_weight(const Sde& sde, double t, const WeightingOptions& options) {
  const Marginal m = sde.marginal(t);
  const double sigma = m.sigma / m.alpha, data = options.data_std;
  return from_denoised_weight((sigma * sigma + data * data) / (sigma * data * sigma * data), m);
}

double min_snr_weight(const Sde& sde, double t, const WeightingOptions& options) {
  const Marginal m = sde.marginal(t);
  const double ratio = m.alpha / m.sigma;
  return from_denoised_weight(std::min(ratio * ratio, options.gamma), m);
}

constexpr WeightingEntry weighting_table[] = {
    {"sigma2", "sigma^2: every noise level counts alike in the error of the predicted noise (Song et al. 2021)",
     sigma2_weight},
    {"g2", "g^2: bounds the negative log likelihood (Song et al. 2021b, theorem 1)", g2_weight},
    {"edm", "(s^2 + d^2) / (s d)^2 on the denoised sample, s = sigma / alpha (Karras et al. 2022, table 1)",
     edm_weight},
    {"min-snr", "min(alpha^2 / sigma^2, gamma) on the denoised sample (Hang et al. 2023)", min_snr_weight},
};

}  // namespace

std::span<const WeightingEntry> weightings() { return weighting_table; }

}  // namespace scoresde
