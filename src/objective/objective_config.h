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
  bool classifies;  ///< needs labels, and a network whose output is one number a class
};

inline constexpr ObjectiveEntry objective_table[] = {
    {"dsm", "denoising score matching, continuous t (Vincent 2011; Song et al. 2021, eq. 7)", false},
    {"smld", "denoising score matching at N geometric noise levels (Song & Ermon 2019); for ve", false},
    {"ddpm", "noise prediction at N levels of the discrete chain (Ho et al. 2020, eq. 14); for vp", false},
    {"cross-entropy", "a classifier of noisy or clean samples, for guidance and for metrics", true},
};

constexpr std::span<const ObjectiveEntry> objectives() { return objective_table; }

/// Settings of all objectives; each reads its own.
struct ObjectiveConfig {
  std::string name = "dsm";
  std::string weighting = "edm", time_sampling = "log-normal";
  double min_snr_gamma = 5, log_mean = -1.2, log_std = 1.2;
  int levels = 1000;
  bool low_discrepancy = true, reduce_mean = true, noise_conditional = true;

  static constexpr auto fields() {
    return std::tuple{
        field("name", &ObjectiveConfig::name, "which objective: see `scoresde list objectives`"),
        field("weighting", &ObjectiveConfig::weighting, "dsm: weight of each time, sigma2, g2, edm or min-snr"),
        field("time_sampling", &ObjectiveConfig::time_sampling,
              "dsm, cross-entropy: how training times are drawn, uniform, importance, log-snr or log-normal"),
        field("min_snr_gamma", &ObjectiveConfig::min_snr_gamma, "min-snr: the cut", {1e-6, 1e6}),
        field("log_mean", &ObjectiveConfig::log_mean, "log-normal: mean of ln(sigma / alpha)", {-50, 50}),
        field("log_std", &ObjectiveConfig::log_std, "log-normal: standard deviation of ln(sigma / alpha)", {1e-6, 50}),
        field("levels", &ObjectiveConfig::levels, "smld, ddpm: number N of noise levels", {2, 1e6}),
        field("low_discrepancy", &ObjectiveConfig::low_discrepancy,
              "spread the times of a batch evenly (each is as random as before)"),
        field("reduce_mean", &ObjectiveConfig::reduce_mean, "true: mean over pixels; false: half the sum"),
        field("noise_conditional", &ObjectiveConfig::noise_conditional,
              "cross-entropy: classify noisy samples at all t; false: clean samples only")};
  }
};

}  // namespace scoresde
