#include <gtest/gtest.h>

#include <Eigen/LU>
#include <cmath>

#include "golden.h"
#include "golden_noise.h"
#include "inverse/method.h"
#include "score/analytic.h"

namespace scoresde::test {
namespace {

const ItemShape golden_picture{3, 2, 2, true};

std::unique_ptr<Sde> sde_of(const std::string& name) {
  SdeConfig config;
  config.name = name == "VPSDE" ? "vp" : name == "VESDE" ? "ve" : "sub-vp";
  if (config.name == "ve") config.sigma_min = 0.01, config.sigma_max = 50;
  config.t_end = 1e-5;
  return make_sde(config);
}

Batch golden_data(bool centred) {
  Batch data(2, 12);
  for (Index j = 0; j < data.size(); ++j) data.data()[j] = 0.5 + 0.4 * std::cos(0.3 + 1.7 * static_cast<double>(j));
  return centred ? (2 * data - 1).eval() : data;
}

MethodOptions reference_order(const std::string& predictor, const std::string& corrector, double snr, int scales) {
  MethodOptions options;
  options.order = "score_sde";
  options.solver = std::string(predictor == "euler_maruyama" ? "euler-maruyama" : "reverse-diffusion") +
                   (corrector == "none" ? "" : "+" + corrector);
  options.settings.scales = scales;
  options.settings.compatibility = "score_sde";
  if (corrector != "none") options.settings.snr = snr;
  return options;
}

TEST(Reference, InpaintsAsScoreSdeDoes) {
  OperatorInputs inputs;
  inputs.mask = Eigen::ArrayXd(4);
  inputs.mask << 1, 0, 1, 0;
  const auto op = make_operator("inpaint", golden_picture, {}, inputs);
  int compared = 0;
  const Json golden = golden_json("loops_f64.json");
  for (const Json& c : golden["cases"]) {
    if (c["loop"] != "inpaint" || c.contains("error")) continue;
    const auto sde = sde_of(c["sde"]);
    const bool centred = sde->name() != "ve";
    const GaussianScore score(*sde, Gaussian(Eigen::ArrayXd::Constant(12, 0.2), 0.25));
    const GoldenNoise noise(2, 12);
    const int scales = c["params"]["N"];
    const MethodChoice method("projection", reference_order(c["predictor"], c["corrector"], c["snr"], scales));
    const std::string what = c["sde"].get<std::string>() + " " + method.options().solver + " " + c["denoise"].dump();
    const Measurement known{op, (*op)(golden_data(centred)), 0};
    Batch x = restore({*sde, score, noise}, known, method, scales, {}, c["denoise"]).x;
    if (centred) x = 0.5 * (x + 1);
    expect_close(x, c["samples"], what);
    EXPECT_EQ(noise.draws(), c["draws"].get<int>()) << what;
    ++compared;
  }
  EXPECT_EQ(compared, 10);
}

// The stored runs have no colourisation, so the reference's loop (controllable_generation.py, get_pc_colorizer) is
// written out here with its 3 x 3 matrix: Euler-Maruyama, no corrector.
TEST(Reference, ColourisesAsScoreSdeDoes) {
  Eigen::Matrix3d m;
  m << 5.7735014e-01, -8.1649649e-01, 4.7008697e-08, 5.7735026e-01, 4.0824834e-01, 7.0710671e-01, 5.7735026e-01,
      4.0824822e-01, -7.0710683e-01;
  const Eigen::Matrix3d inverse = m.inverse();
  const auto channels = [](const Batch& x, const Eigen::Matrix3d& matrix) {
    Batch y = Batch::Zero(2, 12);
    for (Index out = 0; out < 3; ++out)
      for (Index in = 0; in < 3; ++in) y.middleCols(4 * out, 4) += matrix(in, out) * x.middleCols(4 * in, 4);
    return y;
  };
  Batch mask = Batch::Zero(2, 12);
  mask.leftCols(4) = 1;
  const auto sde = sde_of("VPSDE");
  const GaussianScore score(*sde, Gaussian(Eigen::ArrayXd::Constant(12, 0.2), 0.25));
  Batch grey(2, 12);
  const Batch data = golden_data(true);
  for (Index c = 0; c < 3; ++c)
    grey.middleCols(4 * c, 4) = (data.middleCols(0, 4) + data.middleCols(4, 4) + data.middleCols(8, 4)) / 3;

  const int steps = 25;
  const GoldenNoise theirs(2, 12), ours(2, 12);
  const Batch prior = theirs.normal(Purpose::prior, {1, 1, 0}, 0);
  const Batch known = channels(grey, m);
  Batch x = channels(known * mask + channels(prior * (1 - mask), m), inverse), mean = x;
  const auto impose = [&](double t) {
    const Marginal level = sde->marginal(t);
    const Batch z = theirs.normal(Purpose::diffusion, {t, t, 0}, 0);
    x = channels(channels(x, m) * (1 - mask) + (level.alpha * known + level.sigma * z) * mask, inverse);
    mean = channels(channels(x, m) * (1 - mask) + level.alpha * known * mask, inverse);
  };
  for (int k = 0; k < steps; ++k) {
    const double t = 1 + k * (1e-5 - 1) / (steps - 1), g = sde->diffusion(t);
    impose(t);  // after their corrector "none" too
    const Batch drift = sde->drift(t) * x - g * g * score(x, times_of(2, t));
    x = x - drift / steps + g / std::sqrt(steps) * theirs.normal(Purpose::diffusion, {t, t, 0}, 0);
    impose(t);
  }
  const auto op = make_operator("grey", golden_picture);
  const Measurement seen{op, (*op)(data), 0};
  MethodOptions options = reference_order("euler_maruyama", "none", 0, steps);
  const Batch result = restore({*sde, score, ours}, seen, MethodChoice("projection", options), steps).x;
  // Their matrix has 8 digits, so it and its inverse are not quite orthogonal.
  EXPECT_LT((result - mean).abs().maxCoeff(), 1e-6 * mean.abs().maxCoeff());
}

}  // namespace
}  // namespace scoresde::test
