#pragma once
#include <numeric>
#include <string>

#include "core/noise.h"
#include "score/analytic.h"

namespace scoresde::testing_support {

inline std::unique_ptr<Sde> sde_named(std::string_view name) {
  SdeConfig config;
  config.name = name;
  if (name == "ve") config.sigma_max = 20;
  return make_sde(config);
}

/// Two skewed components in three dimensions.
inline MixtureScore skewed_mixture(const Sde& sde) {
  Eigen::MatrixXd covariance(3, 3);
  covariance << 0.30, 0.12, -0.05, 0.12, 0.20, 0.08, -0.05, 0.08, 0.25;
  return {sde,
          {{0.4, Gaussian(Eigen::Array3d(0.6, -0.4, 0.2), covariance)},
           {0.6, Gaussian(Eigen::Array3d(-0.7, 0.3, 0.1), 0.09)}}};
}

inline std::vector<std::uint64_t> first_ids(Index n) {
  std::vector<std::uint64_t> ids(static_cast<std::size_t>(n));
  std::iota(ids.begin(), ids.end(), 0);
  return ids;
}

/// Points spread over where such data lie.
inline Batch spread_points(Index n, Index dimension = 3) {
  return 0.6 * CounterNoise(11, first_ids(n), dimension).normal(Purpose::test, {0, 0, 0});
}

}  // namespace scoresde::testing_support
