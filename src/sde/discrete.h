#pragma once
#include <vector>

#include "sde/sde.h"

namespace scoresde {

/// The noise levels of SMLD (Song & Ermon 2019), ascending: sigma_i = exp(linspace(log sigma_min, log sigma_max, N)),
/// i = 0 .. N-1. Error{usage} where count < 1 or not 0 < sigma_min < sigma_max.
std::vector<double> smld_sigmas(double sigma_min, double sigma_max, int count);

/// The Markov chain of DDPM (Ho et al. 2020), x_i = sqrt(1 - beta_i) x_{i-1} + sqrt(beta_i) z, i = 0 .. N-1 with x_{-1}
/// the data: beta_i = linspace(beta_min / N, beta_max / N, N) (Song et al. 2021, app. B) and what follows from it.
struct DdpmTable {
  std::vector<double> beta;
  std::vector<double> alpha;          ///< 1 - beta_i
  std::vector<double> alpha_product;  ///< alpha_0 ... alpha_i
  std::vector<double> scale;          ///< sqrt(alpha_product): the alpha of this project's Marginal
  std::vector<double> noise;          ///< sqrt(1 - alpha_product): the sigma of this project's Marginal
};

/// Error{usage} where count < 2 or a beta_i reaches 1, which happens for count <= beta_max.
DdpmTable ddpm_table(double beta_min, double beta_max, int count);

/// The tables that belong to an SDE of the reference, `ve` or `vp` or `sub-vp` (which has the betas of vp), over times
/// 0 .. t_max. Error{usage} for another SDE.
std::vector<double> smld_sigmas(const Sde& sde, int count);
DdpmTable ddpm_table(const Sde& sde, int count);

/// Which table entry time t means: t_i = i t_max / (N - 1).
enum class IndexRule {
  /// The reference's: truncates t (N - 1) / t_max. On a time grid that is not exactly that of the table (VP, N = 2000,
  /// eps = 1e-3: the second half of it) every truncation errs to less noise, by up to a whole entry.
  truncated,
  /// The entry whose time is nearest: errs to both sides, by at most half an entry. For
  /// `compatibility = score_sde-nearest`; nothing else of this project needs a table.
  nearest,
};
int table_index(double t, double t_max, int count, IndexRule rule);

/// One step of a discretised forward process: x -> x + drift x + diffusion z.
struct DiscreteStep {
  double drift, diffusion;
};

/// The reference's `discretize` with N steps to t_max at time t. vp: the DDPM step, sqrt(1 - beta_i) - 1 and
/// sqrt(beta_i); ve: the SMLD step, 0 and sqrt(sigma_i^2 - sigma_{i-1}^2) with sigma_{-1} = 0 (so the last step of
/// generation takes away all noise there is); any other SDE: Euler-Maruyama, f / N and g / sqrt(N), for times to t_max
/// f dt and g sqrt(dt), dt = t_max / N.
DiscreteStep reference_step(const Sde& sde, double t, int count, IndexRule rule = IndexRule::truncated);

/// Its reverse (Song et al. 2021, eq. 46): x -> x + drift x + score_coefficient score + diffusion z as a step of
/// REVERSE time, so x_{i-1} = x_i - (f - G^2 score), or with half the score and no noise for the probability flow
/// (eq. 47).
struct ReverseStep {
  double drift, score, diffusion;
};
ReverseStep reference_reverse_step(const Sde& sde, double t, int count, bool probability_flow,
                                   IndexRule rule = IndexRule::truncated);

}  // namespace scoresde
