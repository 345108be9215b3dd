#include "sde/discrete.h"

#include <gtest/gtest.h>

#include <cmath>

namespace scoresde {
namespace {

SdeConfig named(std::string_view name) {
  SdeConfig config;
  config.name = name;
  return config;
}

TEST(Discrete, TablesApproachTheContinuousProcess) {
  const auto vp = make_sde(named("vp"));
  const auto ve = make_sde(named("ve"));
  for (int count : {1000, 4000}) {
    const DdpmTable ddpm = ddpm_table(*vp, count);
    const auto sigmas = smld_sigmas(*ve, count);
    for (int i = count / 10; i < count; i += count / 10) {
      const auto k = static_cast<std::size_t>(i);
      EXPECT_NEAR(ddpm.scale[k], vp->marginal((i + 1.0) / count).alpha, 12.0 / count) << i;
      EXPECT_NEAR(ddpm.noise[k] * ddpm.noise[k] + ddpm.scale[k] * ddpm.scale[k], 1, 1e-14);
      EXPECT_NEAR(sigmas[k], ve->marginal(i / (count - 1.0)).sigma, 1e-12 * sigmas[k]);
    }
  }
}

TEST(Discrete, SmldStepsAddUpToTheLargestNoise) {
  const auto ve = make_sde(named("ve"));
  double variance = 0;
  for (int i = 0; i < 50; ++i) {
    const double step = reference_step(*ve, i / 49.0, 50, IndexRule::nearest).diffusion;
    variance += step * step;
  }
  EXPECT_NEAR(std::sqrt(variance), 50, 1e-10);
}

TEST(Discrete, IndexRules) {
  EXPECT_EQ(table_index(1, 1, 1000, IndexRule::truncated), 999);
  EXPECT_EQ(table_index(0.9999, 1, 1000, IndexRule::truncated), 998);
  EXPECT_EQ(table_index(0.9999, 1, 1000, IndexRule::nearest), 999);
  EXPECT_EQ(table_index(1e-5, 1, 1000, IndexRule::nearest), 0);
  EXPECT_EQ(table_index(2, 1, 10, IndexRule::nearest), 9);
}

TEST(Discrete, RefusesTablesThatAreNone) {
  EXPECT_THROW(ddpm_table(0.1, 20, 20), Error);  // the last beta is 1
  EXPECT_NO_THROW(ddpm_table(0.1, 20, 21));
  EXPECT_THROW(ddpm_table(0.1, 20, 1), Error);
  EXPECT_THROW(smld_sigmas(1, 0.5, 10), Error);
  EXPECT_THROW(smld_sigmas(0.01, 50, 0), Error);
  EXPECT_THROW(ddpm_table(*make_sde(named("ve")), 100), Error);
  EXPECT_THROW(smld_sigmas(*make_sde(named("vp")), 100), Error);
  EXPECT_THROW(reference_step(*make_sde(named("vp")), 1, 15), Error);
}

}  // namespace
}  // namespace scoresde
