#pragma once
#include <deque>
#include <memory>
#include <vector>

#include "sampler/solver.h"

namespace scoresde {

/// What an exponential method believes to be smooth: the noise in x_t, eps = -sigma score, or the data behind it,
/// D = (x + sigma^2 score) / alpha.
enum class Estimate { noise, data };

/// The estimate at time t, one evaluation.
Batch estimate_at(const ReverseProcess& process, Estimate estimate, const Batch& x, double t);

/// The variable in which it is taken for a polynomial: lambda = log(alpha / sigma), the SDE's time,
/// rho = sigma / alpha, or the number of the step, whatever the steps are (PNDM, Liu et al. 2022).
enum class Abscissa { log_snr, time, noise_to_signal, index };

/// How the weights of two estimates come from their line: exactly; as published for DPM-Solver-2, DPM-Solver++(2M) and
/// UniPC's B2, w_1 = total / 2r with r the place of the second estimate in the step; or with UniPC's B1, w_1 = h / 2r,
/// which takes the kernel for a constant. All three differ by O(h^2) of the weight. More estimates are always exact.
enum class LineWeights { exact, half_total, half_step };

/// One step t -> s of dx = [f x - (1 + eta^2)/2 g^2 score] dt + eta g dw with its linear part exact (Lu et al. 2022a,
/// eq. 3.4; 2022b, eq. 8; for any eta Xue et al. 2023, eq. 10): x_s = keep x_t + gain sum_j w_j E_j + noise z,
///   noise: keep = alpha_s / alpha_t,                      gain = sigma_s, sum w = -(1 + eta^2) (e^h - 1),
///   data:  keep = (sigma_s / sigma_t) exp(-eta^2 h),      gain = alpha_s, sum w = 1 - exp(-(1 + eta^2) h),
/// h = lambda_s - lambda_t. With one estimate it is DDIM where eta = 0, and ancestral sampling where eta = 1 (data).
struct ExponentialStep {
  double keep, gain, total, noise;
};
ExponentialStep exponential_step(const Sde& sde, Estimate estimate, double eta, double t, double s);

/// A family of weights w_j.
struct Interpolation {
  Estimate estimate = Estimate::data;
  Abscissa abscissa = Abscissa::log_snr;
  LineWeights line = LineWeights::exact;
  double eta = 0;
};

/// Weights of the estimates at `times` in the step times[0] -> s: the integral over the step of the kernel,
///   noise: -(1 + eta^2) exp(lambda_s - lambda),   data: (1 + eta^2) exp((1 + eta^2) (lambda - lambda_s)),
/// times the Lagrange polynomials through `times` (all different; before, within or at the end of the step).
/// The integrals are done by 16-point Gauss-Legendre in lambda and scaled to the exact sum of weights; 1e-13 for steps
/// of up to 12 / (1 + eta^2) in lambda.
std::vector<double> multistep_weights(const Sde& sde, const Interpolation& interpolation,
                                      const std::vector<double>& times, double s);

/// A method of the exponential Adams family. `adams` is the number of estimates a step looks at; the first steps have
/// less history and so less order. With `corrects` each evaluation is used twice: at x_s as predicted it first corrects
/// the step that led there (its interpolation gets the node at s), then predicts the next. One evaluation a step.
struct MultistepMethod {
  Interpolation interpolation;
  int adams = 1;
  bool corrects = false;
};

/// Adams-Bashforth: DDIM (adams 1), DPM-Solver++ multistep (data, log_snr; Lu et al. 2022b), DEIS (noise; time for tAB,
/// noise_to_signal for rhoAB; Zhang & Chen 2023), iPNDM (noise, index). Adams-Bashforth-Moulton: UniPC (Zhao et al.
/// 2023), SA-Solver (Xue et al. 2023). Noise is added where eta > 0 and rho within [noise_min, noise_max].
class Multistep : public Solver {
 public:
  /// `options`: eta (below 0: the method's own), eta_min, eta_max, order (0: the method's own), unipc_b.
  Multistep(const MultistepMethod& method, const SolverOptions& options);

  void begin(std::span<const double>) override;
  Batch step(const ReverseProcess& process, const Batch& x, const Interval& interval) override;

 private:
  Interpolation for_step(const Sde& sde, double t) const;
  void correct(const Sde& sde, Batch& x) const;

  MultistepMethod method_;
  double eta_min_, eta_max_;
  std::vector<double> times_;  // newest first, as the estimates
  std::deque<Batch> estimates_;
};

/// For rows of the table of solvers.
template <MultistepMethod method>
std::unique_ptr<Solver> make_multistep(const SolverOptions& options) {
  return std::make_unique<Multistep>(method, options);
}

}  // namespace scoresde
