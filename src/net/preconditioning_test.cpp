#include "net/preconditioning.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/catalog.h"
#include "sde/discrete.h"

namespace scoresde {
namespace {

constexpr double x0 = 0.37, z = -1.21, data_std = 0.6;

template <class Check>
void for_every_sde(const Check& check) {
  for (const SdeEntry& entry : sdes()) {
    SdeConfig config;
    config.name = entry.name;
    if (entry.name == "ve") config.sigma_max = 50;
    if (entry.name == "table") continue;  // needs a file; covered by the sde folder
    const auto sde = make_sde(config);
    for (const double share : {0.0, 1e-3, 0.1, 0.5, 0.9, 1.0}) {
      const double t = sde->t_min() + share * (sde->t_max() - sde->t_min());
      SCOPED_TRACE(std::string(entry.name) + " at t = " + std::to_string(t));
      check(*sde, t);
    }
  }
}

// The perfect output of a network that knows x_0 and z gives back the score -z / sigma of that pair.
TEST(Preconditioning, ThePerfectOutputGivesTheScoreForEverySde) {
  for (const PredictionEntry& prediction : predictions())
    for_every_sde([&](const Sde& sde, double t) {
      const auto [alpha, sigma] = sde.marginal(t);
      const Preconditioning c = prediction.make(sde, t, data_std);
      const double output = c.target_data * x0 + c.target_noise * z;
      const double terms = std::abs(c.score_x * (alpha * x0 + sigma * z)) + std::abs(c.score_f * output);
      EXPECT_NEAR(c.score_x * (alpha * x0 + sigma * z) + c.score_f * output, -z / sigma, 1e-11 * terms)
          << prediction.name;
      EXPECT_TRUE(std::isfinite(c.input) && c.input > 0) << prediction.name;
      EXPECT_LE(std::abs(c.label), prediction.label == LabelKind::log_snr ? 5 : 999) << prediction.name;
    });
}

// Karras et al. (2022) eq. 7 and table 1, written for x / alpha and s = sigma / alpha.
TEST(Preconditioning, EdmIsKarrasTable1) {
  for_every_sde([](const Sde& sde, double t) {
    const auto [alpha, sigma] = sde.marginal(t);
    if (alpha < 1e-6) return;
    const double s = sigma / alpha, total = s * s + data_std * data_std;
    const double skip = data_std * data_std / total, out = s * data_std / std::sqrt(total), in = 1 / std::sqrt(total);
    const Preconditioning c = find_entry("prediction", predictions(), "edm").make(sde, t, data_std);
    const double noisy = x0 + s * z, output = 0.7;
    const double denoised = skip * noisy + out * output;
    const double score = (denoised - noisy) / (s * s) / alpha;
    EXPECT_NEAR(c.input * alpha, in, 1e-12 * in);
    EXPECT_NEAR(c.score_x * alpha * noisy + c.score_f * output, score,
                1e-9 * (std::abs(score) + std::abs(noisy / (s * s * alpha))));
    EXPECT_NEAR(c.label, std::log(s) / 4, 1e-9);
  });
}

TEST(Preconditioning, EdmInputsAndTargetsHaveUnitVariance) {
  for_every_sde([](const Sde& sde, double t) {
    const auto [alpha, sigma] = sde.marginal(t);
    for (const PredictionEntry& prediction : predictions()) {
      const Preconditioning c = prediction.make(sde, t, data_std);
      const bool foreign = prediction.name.starts_with("song") || prediction.name == "ddpm";
      EXPECT_NEAR(c.input * (foreign ? 1 : std::hypot(alpha * data_std, sigma)), 1, 1e-12) << prediction.name;
    }
    const Preconditioning c = find_entry("prediction", predictions(), "edm").make(sde, t, data_std);
    EXPECT_NEAR(std::hypot(c.target_data * data_std, c.target_noise), 1, 1e-12);
  });
}

TEST(Preconditioning, VelocityIsVForVpAndTheDifferenceForRectified) {
  const PredictionEntry& velocity = find_entry("prediction", predictions(), "velocity");
  for_every_sde([&](const Sde& sde, double t) {
    const auto [alpha, sigma] = sde.marginal(t);
    const Preconditioning c = velocity.make(sde, t, data_std);
    EXPECT_NEAR(std::hypot(c.target_data, c.target_noise), 1, 1e-12);
    if (sde.name() == "vp" || sde.name() == "cosine") {
      EXPECT_NEAR(c.target_data, -sigma, 1e-9);
      EXPECT_NEAR(c.target_noise, alpha, 1e-9);
    } else if (sde.name() == "rectified") {
      EXPECT_NEAR(c.target_data, -std::sqrt(0.5), 1e-9);
      EXPECT_NEAR(c.target_noise, std::sqrt(0.5), 1e-9);
    } else if (sde.name() == "ve" || sde.name() == "edm") {
      EXPECT_NEAR(c.target_data, 0, 1e-12);
      EXPECT_NEAR(c.target_noise, 1, 1e-12);
    }
  });
}

Preconditioning at(std::string_view prediction, const Sde& sde, double t) {
  return find_entry("prediction", predictions(), prediction).make(sde, t, data_std);
}

// score_sde's get_score_fn, with x = (y + 1) / 2 for this project's y: sigma(x) = sigma(y) / 2, score(y) = score(x)
// / 2.
TEST(Preconditioning, SongsConventionsAreThoseOfScoreSde) {
  const auto ve = make_sde({.name = "ve", .sigma_min = 0.02, .sigma_max = 100});
  for (const double t : {1e-5, 0.3, 1.0}) {
    const double sigma = 0.01 * std::pow(5000, t);
    const Preconditioning c = at("song-score", *ve, t), level = at("song-level", *ve, t);
    EXPECT_NEAR(c.label, sigma, 1e-12 * sigma);
    EXPECT_NEAR(level.label, 1 - t, 1e-12);
    EXPECT_NEAR(c.target_noise, -1 / sigma, 1e-12 / sigma);
    for (const Preconditioning& each : {c, level}) {
      EXPECT_EQ(each.input, 1);
      EXPECT_EQ(each.score_x, 0);
      EXPECT_EQ(each.score_f, 0.5);
    }
  }
  for (const char* name : {"vp", "sub-vp"}) {
    const auto sde = make_sde({.name = name});
    const Preconditioning c = at("song-noise", *sde, 0.3);
    EXPECT_NEAR(c.label, 999 * 0.3, 1e-10);
    EXPECT_NEAR(c.score_f, -1 / sde->marginal(0.3).sigma, 1e-12);
  }
}

// At the time with the log-SNR of level i the label is i, and it runs evenly between levels.
TEST(Preconditioning, DdpmsLabelIsTheLevelOfTheChain) {
  const auto vp = make_sde({.name = "vp"});
  const DdpmTable table = ddpm_table(*vp, 1000);
  for (const std::size_t i : {0u, 1u, 17u, 500u, 980u}) {
    const double t = vp->time_at(std::log(table.scale[i] / table.noise[i]));
    const double next = vp->time_at(std::log(table.scale[i + 1] / table.noise[i + 1]));
    EXPECT_NEAR(at("ddpm", *vp, t).label, static_cast<double>(i), 1e-6) << i;
    EXPECT_NEAR(at("ddpm", *vp, 0.5 * (t + next)).label, static_cast<double>(i) + 0.5, 0.1) << i;
  }
  EXPECT_EQ(at("ddpm", *vp, vp->t_min()).label, 0);
  EXPECT_NEAR(at("ddpm", *vp, 1).label, 999, 10);  // the chain ends with a little less signal than the process
}

}  // namespace
}  // namespace scoresde
