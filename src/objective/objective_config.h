#pragma once
#include <span>
#include <string>
#include <string_view>

#include "core/config.h"

// Free of LibTorch, so that help, lists and configuration files need none.
namespace scoresde {

/// A row of the table of objectives; catalog.cpp adds the makers.
struct ObjectiveEntry {
  std::string_view name, summary;
  bool classifies = false;          ///< needs labels, and a network whose output is one number a class
  bool oracle = false;              ///< needs the true score: in training that of the data set's own law
  bool energy = false;              ///< needs a network that is an energy
  bool second_derivatives = false;  ///< of the network: in x, then in the parameters
};

inline constexpr ObjectiveEntry objective_table[] = {
    {"dsm", "denoising score matching, continuous t (Vincent 2011; Song et al. 2021, eq. 7)"},
    {"smld", "denoising score matching at N geometric noise levels (Song & Ermon 2019); for ve"},
    {"ddpm", "noise prediction at N levels of the discrete chain (Ho et al. 2020, eq. 14); for vp"},
    {.name = "esm",
     .summary = "explicit score matching against the exact score of the data set's law (Hyvarinen 2005)",
     .oracle = true},
    {.name = "ism",
     .summary = "implicit score matching, exact trace of the Jacobian (Hyvarinen 2005); for few dimensions",
     .second_derivatives = true},
    {.name = "ssm",
     .summary = "sliced score matching, v^T J v by double backward (Song et al. 2019)",
     .second_derivatives = true},
    {.name = "ssm-vr",
     .summary = "sliced score matching with ||score||^2 exact: less variance (Song et al. 2019)",
     .second_derivatives = true},
    {"fd-ssm", "sliced score matching by finite differences, no second derivative (Pang et al. 2020)"},
    {.name = "cd",
     .summary = "maximum likelihood of an energy, contrastive divergence: Langevin from the data (Hinton 2002)",
     .energy = true},
    {.name = "pcd",
     .summary = "maximum likelihood of an energy, persistent Langevin chains (Tieleman 2008)",
     .energy = true},
    {.name = "cross-entropy",
     .summary = "a classifier of noisy or clean samples, for guidance and for metrics",
     .classifies = true},
};

constexpr std::span<const ObjectiveEntry> objectives() { return objective_table; }

/// Settings of all objectives; each reads its own.
struct ObjectiveConfig {
  std::string name = "dsm";
  std::string weighting = "edm", time_sampling = "log-normal";
  double min_snr_gamma = 5, log_mean = -1.2, log_std = 1.2, time = 0;
  int levels = 1000;
  std::string directions = "rademacher";
  int slices = 1;
  double difference_step = 0.05, langevin_step = 0.1, restart = 0.05;
  int langevin_steps = 10, chains = 10000;
  bool low_discrepancy = true, reduce_mean = true, noise_conditional = true;

  static constexpr auto fields() {
    return std::tuple{
        field("name", &ObjectiveConfig::name, "which objective: see `scoresde list objectives`"),
        field("weighting", &ObjectiveConfig::weighting,
              "score matching: weight of each time, sigma2, g2, edm or min-snr"),
        field("time_sampling", &ObjectiveConfig::time_sampling,
              "how training times are drawn, uniform, importance, log-snr, log-normal or fixed; not smld, ddpm"),
        field("time", &ObjectiveConfig::time, "fixed: the time, one noise level alone; 0: the sde's t_min", {0, 1e6}),
        field("min_snr_gamma", &ObjectiveConfig::min_snr_gamma, "min-snr: the cut", {1e-6, 1e6}),
        field("log_mean", &ObjectiveConfig::log_mean, "log-normal: mean of ln(sigma / alpha)", {-50, 50}),
        field("log_std", &ObjectiveConfig::log_std, "log-normal: standard deviation of ln(sigma / alpha)", {1e-6, 50}),
        field("levels", &ObjectiveConfig::levels, "smld, ddpm: number N of noise levels", {2, 1e6}),
        field("directions", &ObjectiveConfig::directions, "ssm, ssm-vr, fd-ssm: gaussian, rademacher or sphere"),
        field("slices", &ObjectiveConfig::slices, "ssm, ssm-vr, fd-ssm: directions a sample", {1, 1000}),
        field("difference_step", &ObjectiveConfig::difference_step, "fd-ssm: the step, as a share of sigma(t)",
              {1e-6, 10}),
        field("langevin_steps", &ObjectiveConfig::langevin_steps, "cd, pcd: steps of Langevin dynamics a batch",
              {1, 1e5}),
        field("langevin_step", &ObjectiveConfig::langevin_step,
              "cd, pcd: their size h in x += h score + sqrt(2 h) z, in units of sigma(t)^2", {1e-9, 10}),
        field("chains", &ObjectiveConfig::chains, "pcd: number of chains, each at a time of its own", {1, 1e8}),
        field("restart", &ObjectiveConfig::restart, "pcd: probability that a chain starts again from the data", {0, 1}),
        field("low_discrepancy", &ObjectiveConfig::low_discrepancy,
              "spread the times of a batch evenly (each is as random as before)"),
        field("reduce_mean", &ObjectiveConfig::reduce_mean, "true: mean over pixels; false: half the sum"),
        field("noise_conditional", &ObjectiveConfig::noise_conditional,
              "cross-entropy: classify noisy samples at all t; false: clean samples only")};
  }
};

}  // namespace scoresde
