#pragma once
#include <deque>
#include <vector>

#include "sampler/solver.h"

namespace scoresde {

/// What a multistep method believes to be smooth: the noise in x_t, eps = -sigma score, or the data behind it,
/// D = (x + sigma^2 score) / alpha.
enum class Estimate { noise, data };

/// The variable in which it is taken for a polynomial: lambda = log(alpha / sigma), the SDE's time, or
/// rho = sigma / alpha.
enum class Abscissa { log_snr, time, noise_to_signal };

/// Weights w_j of estimates E_0 (now), E_1, ... (earlier) in the step t -> s of the probability flow,
///   noise: x_s = (alpha_s / alpha_t) x_t + sigma_s sum_j w_j E_j,  w_j = - int_t^s exp(lambda_s - lambda) l_j dlambda,
///   data:  x_s = (sigma_s / sigma_t) x_t + alpha_s sum_j w_j E_j,  w_j =   int_t^s exp(lambda - lambda_s) l_j dlambda,
/// with l_j the Lagrange polynomials through `times` (times[0] = t, then earlier ones, all different). With one time
/// both are DDIM. The integrals are done by 16-point Gauss-Legendre in lambda and scaled to the exact sum of weights;
/// 1e-13 for steps of up to 12 in lambda.
std::vector<double> multistep_weights(const Sde& sde, Estimate estimate, Abscissa abscissa,
                                      const std::vector<double>& times, double s);

/// Exponential Adams-Bashforth of any order: DDIM is its first order, DPM-Solver++ multistep (Lu et al. 2022) is
/// (data, log_snr), DEIS (Zhang & Chen 2023) is (noise, time) for its tAB and (noise, noise_to_signal) for its rhoAB.
/// One evaluation a step. The first steps have less history and so less order.
class Multistep : public Solver {
 public:
  Multistep(Estimate estimate, Abscissa abscissa, int order)
      : estimate_(estimate), abscissa_(abscissa), order_(static_cast<std::size_t>(order)) {}

  void begin(std::span<const double>) override;
  Batch step(const ReverseProcess& process, const Batch& x, const Interval& interval) override;

 private:
  Estimate estimate_;
  Abscissa abscissa_;
  std::size_t order_;
  std::vector<double> times_;  // newest first, as the estimates
  std::deque<Batch> estimates_;
};

}  // namespace scoresde
