#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "golden.h"
#include "golden_noise.h"
#include "sampler/sample.h"
#include "score/analytic.h"

namespace scoresde::test {
namespace {

/// The golden files' score: pixels iid N(0.2, 0.5^2).
GaussianScore pixel_score(const Sde& sde, Index dimension) {
  return {sde, Gaussian(Eigen::ArrayXd::Constant(dimension, 0.2), 0.25)};
}

std::unique_ptr<Sde> golden_sde(const Json& c) {
  const std::string name = c["sde"];
  SdeConfig config;
  config.name = name == "VPSDE" ? "vp" : name == "VESDE" ? "ve" : "sub-vp";
  if (name == "VESDE") {
    config.sigma_min = c["params"].value("sigma_min", 0.01);
    config.sigma_max = c["params"].value("sigma_max", 50.0);
  }
  if (c.contains("eps")) config.t_end = c["eps"];
  return make_sde(config);
}

std::string our_name(const std::string& name) {
  if (name == "euler_maruyama") return "euler-maruyama";
  if (name == "reverse_diffusion") return "reverse-diffusion";
  if (name == "ancestral_sampling") return "ancestral";
  if (name == "ald") return "annealed-langevin";
  return name;
}

SolverOptions reference_options(const Json& c) {
  SolverOptions options;
  options.compatibility = "score_sde";
  const std::string corrector =
      c.value("kind", "").starts_with("corrector") ? c.value("name", "none") : c.value("corrector", "none");
  if (corrector != "none") {
    options.snr = c.value("snr", 0.16);
    options.corrector_steps = c.value("n_steps", 1);
  }
  options.scales = c["params"].value("N", 1000);
  if (c.value("probability_flow", false)) options.eta = 0;
  return options;
}

TEST(Reference, EveryStepMatchesScoreSde) {
  int compared = 0;
  const Json golden = golden_json("steps_f64.json");
  for (const Json& c : golden["cases"]) {
    if (c.contains("error")) continue;
    const std::string name = c["name"], kind = c["kind"];
    const auto sde = golden_sde(c);
    const Batch expected = golden_batch(c["x_new"]);
    const GaussianScore score = pixel_score(*sde, expected.cols());
    const GoldenNoise noise(expected.rows(), expected.cols());
    Batch x(expected.rows(), expected.cols());
    for (Index j = 0; j < x.size(); ++j)
      x.data()[j] = c["A"].get<double>() * std::cos(0.3 + 1.7 * static_cast<double>(j));
    const std::string what = fmt::format("{} {} {} t = {} N = {}", c["sde"].get<std::string>(), kind, name,
                                         c["t"].get<double>(), c["params"].dump());

    const auto solver =
        make_solver(kind == "predictor" ? our_name(name) : "none+" + our_name(name), reference_options(c));
    const double t = c["t"];
    solver->begin(std::vector{t, t});
    const ReverseProcess process{*sde, score, noise};
    expect_close(solver->step(process, x, {t, t, 0}), c["x_new"], what);
    EXPECT_EQ(noise.draws(), c["draws"].get<int>()) << what;
    if (kind == "predictor") expect_close(solver->denoise(process, x, t), c["x_mean"], what + " (mean)");
    ++compared;
  }
  EXPECT_EQ(compared, 108);
}

TEST(Reference, EveryLoopMatchesScoreSde) {
  int compared = 0;
  const Json golden = golden_json("loops_f64.json");
  for (const Json& c : golden["cases"]) {
    const std::string loop = c["loop"];
    if (c.contains("error") || (loop != "pc" && loop != "ode")) continue;
    const auto sde = golden_sde(c);
    Batch expected = golden_batch(c["samples"]);
    const GaussianScore score = pixel_score(*sde, expected.cols());
    const GoldenNoise noise(expected.rows(), expected.cols());
    SolverOptions options = reference_options(c);
    options.rtol = c.value("rtol", 1e-5);
    options.atol = c.value("atol", 1e-5);
    const std::string name = loop == "ode" ? "rk45" : our_name(c["predictor"]) + "+" + our_name(c["corrector"]);
    const std::string what = fmt::format("{} {} {} denoise {} rtol {}", c["sde"].get<std::string>(), name,
                                         c["params"].dump(), c["denoise"].dump(), options.rtol);

    const SolverChoice choice(name, options);
    const auto solver = choice.make();
    const std::vector<double> times = choice.times(*sde, options.scales);
    const ReverseProcess process{*sde, score, noise};
    const bool denoise = c["denoise"];
    Samples samples = sample(process, *solver, draw_prior(*sde, noise), times, {.denoise = denoise, .progress = {}});
    EXPECT_TRUE(samples.failures.empty()) << what;
    if (sde->name() != "ve") samples.x = 0.5 * (samples.x + 1);  // the reference's inverse_scaler
    expect_close(samples.x, c["samples"], what);
    if (loop == "ode") {
      EXPECT_EQ(samples.evaluations[0], c["nfe"].get<unsigned>() + (denoise ? 1 : 0)) << what;
    } else {
      EXPECT_EQ(noise.draws(), c["draws"].get<int>()) << what;
      EXPECT_EQ(static_cast<int>(samples.evaluations[0]), choice.evaluations(options.scales, denoise)) << what;
    }
    ++compared;
  }
  EXPECT_EQ(compared, 38);
}

}  // namespace
}  // namespace scoresde::test
