#include "sampler/multistep.h"

#include <gtest/gtest.h>

#include "sampler/test_problem.h"

namespace scoresde {
namespace {

// On ve log_snr is linear in t, so equal steps of t are equal steps h of lambda.
struct EqualSteps {
  GaussianProblem problem{"ve"};
  double h = problem.sde->log_snr(0.6) - problem.sde->log_snr(0.8);
  std::vector<double> newest_first = {0.8, 1.0};

  std::vector<double> weights(Estimate estimate, Abscissa abscissa) const {
    return multistep_weights(*problem.sde, {estimate, abscissa}, newest_first, 0.6);
  }
};

TEST(Multistep, WeightsAreTheClosedFormsOfSecondOrder) {
  const EqualSteps e;
  // int_0^h e^{u-h} (1 + u/h) du and - int_0^h e^{h-u} (1 + u/h) du, the earlier estimate at u = -h.
  const std::vector<double> data = e.weights(Estimate::data, Abscissa::log_snr),
                            noise = e.weights(Estimate::noise, Abscissa::log_snr);
  const double slope_data = (e.h - 1 + std::exp(-e.h)) / e.h, slope_noise = -(std::exp(e.h) - 1 - e.h) / e.h;
  EXPECT_NEAR(data[0], -std::expm1(-e.h) + slope_data, 1e-13);
  EXPECT_NEAR(data[1], -slope_data, 1e-13);
  EXPECT_NEAR(noise[0], -std::expm1(e.h) + slope_noise, 1e-12);
  EXPECT_NEAR(noise[1], -slope_noise, 1e-12);
}

TEST(Multistep, RhoAbIsAdamsBashforthInRho) {
  const EqualSteps e;
  const auto rho = [&](double t) { return std::exp(-e.problem.sde->log_snr(t)); };
  const std::vector<double> w = e.weights(Estimate::noise, Abscissa::noise_to_signal);
  const double step = rho(0.6) - rho(0.8), before = rho(0.8) - rho(1.0);
  const double scale = 1 / rho(0.6);  // sigma_s w multiplies the noise, alpha_s step the increment of x / alpha
  EXPECT_NEAR(w[0], scale * step * (1 + 0.5 * step / before), 1e-12);
  EXPECT_NEAR(w[1], -scale * step * 0.5 * step / before, 1e-12);
}

TEST(Multistep, WeightsAddUpToDdimForAnySteps) {
  for (const std::string& name : sde_names()) {
    const GaussianProblem problem(name);
    const double high = problem.sde->t_max(), low = problem.sde->t_end();
    const std::vector<double> times = {0.3 * high, 0.6 * high, 0.7 * high, high};
    const double h = problem.sde->log_snr(low) - problem.sde->log_snr(times[0]);
    for (const auto abscissa : {Abscissa::log_snr, Abscissa::time, Abscissa::noise_to_signal})
      for (const auto estimate : {Estimate::noise, Estimate::data}) {
        double sum = 0, size = 0;
        for (const double w : multistep_weights(*problem.sde, {estimate, abscissa}, times, low)) {
          sum += w;
          size += std::abs(w);
        }
        EXPECT_NEAR(sum, estimate == Estimate::data ? -std::expm1(-h) : -std::expm1(h), 1e-12 * size) << name;
      }
  }
}

TEST(Multistep, FirstOrderIsDdim) {
  const GaussianProblem problem("sub-vp", 3);
  const CounterNoise noise(5, {0, 1}, 3);
  const SolverChoice choice("ddim", {});
  const auto times = choice.times(*problem.sde, 7);
  const ReverseProcess process{*problem.sde, problem.score, noise};
  const Batch x = draw_prior(*problem.sde, noise), ddim = sample(process, *choice.make(), x, times).x;
  for (const auto estimate : {Estimate::noise, Estimate::data}) {
    Multistep solver({{estimate}, 1}, {});
    EXPECT_LT((sample(process, solver, x, times).x - ddim).abs().maxCoeff(), 1e-11);
  }
}

}  // namespace
}  // namespace scoresde
