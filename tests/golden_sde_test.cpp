#include <gtest/gtest.h>

#include <cmath>

#include "golden.h"
#include "score/analytic.h"
#include "sde/discrete.h"
#include "sde/sde.h"

namespace scoresde::test {
namespace {

class GoldenSde : public testing::TestWithParam<int> {
 protected:
  GoldenSde() {
    const Json golden = golden_json("sde_f64.json");
    x_ = golden_batch(golden["x"]);
    case_ = golden["cases"][static_cast<std::size_t>(GetParam())];
    const Json& parameters = case_["params"];
    SdeConfig config;
    config.name = case_["sde"] == "VESDE" ? "ve" : case_["sde"] == "VPSDE" ? "vp" : "sub-vp";
    if (config.name == "ve") {
      config.sigma_min = parameters["sigma_min"];
      config.sigma_max = parameters["sigma_max"];
    } else {
      config.beta_min = parameters["beta_min"];
      config.beta_max = parameters["beta_max"];
    }
    count_ = parameters["N"];
    sde_ = make_sde(config);
  }

  Batch x_;
  Json case_;
  int count_ = 0;
  std::unique_ptr<Sde> sde_;
};

TEST_P(GoldenSde, MarginalsAndCoefficients) {
  for (const Json& row : case_["rows"]) {
    const double t = row["t"];
    const std::string at = fmt::format("{} t = {}", case_["sde"].dump(), t);
    const Marginal m = sde_->marginal(t);
    expect_close(m.alpha * x_, row["mean"], at + " mean");
    expect_close(m.sigma, row["std"], at + " std");
    expect_close(sde_->drift(t) * x_, row["drift"], at + " drift");
    expect_close(sde_->diffusion(t), row["diffusion"], at + " diffusion");
    const DiscreteStep step = reference_step(*sde_, t, count_);
    expect_close(step.drift * x_, row["f"], at + " f");
    expect_close(step.diffusion, row["G"], at + " G");
  }
}

TEST_P(GoldenSde, ScoreAndReverse) {
  const GaussianScore score(*sde_, Gaussian(Eigen::ArrayXd::Constant(x_.cols(), 0.2), 0.25));
  for (const Json& row : case_["rows"]) {
    const double t = row["t"];
    const std::string at = fmt::format("{} t = {}", case_["sde"].dump(), t);
    const Times times = times_of(x_.rows(), t);
    const Batch s = score(x_, times);
    expect_close(s, row["score"], at + " score");
    expect_close(reverse_drift(*sde_, score, x_, times, 1), row["rsde"]["drift"], at + " reverse drift");
    expect_close(flow_velocity(*sde_, score, x_, times), row["rsde_pf"]["drift"], at + " flow");
    for (bool flow : {false, true}) {
      const Json& reference = row[flow ? "rsde_pf" : "rsde"];
      const ReverseStep step = reference_reverse_step(*sde_, t, count_, flow);
      expect_close(-(step.drift * x_ + step.score * s), reference["f"], at + " reverse f");
      expect_close(step.diffusion, reference["G"], at + " reverse G");
    }
  }
}

TEST_P(GoldenSde, PriorDensity) {
  for (const auto& [name, factor] : {std::pair{"prior_logp_x", 1.0}, std::pair{"prior_logp_3x", 3.0}}) {
    const Times ours = prior_log_density(*sde_, factor * x_);
    for (Index i = 0; i < ours.size(); ++i) expect_close(ours[i], case_[name][static_cast<std::size_t>(i)], name);
  }
}

TEST_P(GoldenSde, Tables) {
  if (!case_.contains("tables")) return;
  const auto check = [&](const std::vector<double>& ours, const std::string& name) {
    ASSERT_EQ(ours.size(), static_cast<std::size_t>(count_));
    const Json& index = case_["table_index"];
    for (std::size_t k = 0; k < index.size(); ++k)
      expect_close(ours[index[k].get<std::size_t>()], case_["tables"][name][k], fmt::format("{}[{}]", name, k));
  };
  if (sde_->name() == "ve") return check(smld_sigmas(*sde_, count_), "discrete_sigmas");
  const DdpmTable table = ddpm_table(*sde_, count_);
  check(table.beta, "discrete_betas");
  check(table.alpha, "alphas");
  check(table.alpha_product, "alphas_cumprod");
  check(table.scale, "sqrt_alphas_cumprod");
  check(table.noise, "sqrt_1m_alphas_cumprod");
}

INSTANTIATE_TEST_SUITE_P(All, GoldenSde, testing::Range(0, 6));

// How often the reference's index differs from N - 1 - i on its own time grid linspace(1, eps, N). Its i-th time lies
// i eps entries above entry N - 1 - i, so the nearest index differs by that, rounded.
TEST(GoldenTimeIndex, TruncationShiftsAndNearestDoesNot) {
  const Json golden = golden_json("time_index.json");  // of its own: the loop would not keep a temporary alive
  for (const Json& row : golden["cases"]) {
    const int count = row["N"];
    const double eps = row["eps"];
    int shifted = 0;
    for (int i = 0; i < count; ++i) {
      const double t = 1 + i * (eps - 1) / (count - 1);
      const double place = t * (count - 1), apart = i * eps;
      // A whole number computed a rounding error below itself is not what this is about: entry 1000 of 2000, which the
      // reference reads shifted in its own float32 and not in float64.
      const double safe = (place + 1e-9) / (count - 1);
      shifted += table_index(safe, 1, count, IndexRule::truncated) != count - 1 - i;
      if (std::abs(apart - std::floor(apart) - 0.5) > 1e-6) {  // half way between two either will do
        EXPECT_EQ(table_index(t, 1, count, IndexRule::nearest), count - 1 - i + std::lround(apart)) << i;
      }
    }
    EXPECT_EQ(shifted, row["n_bad_f32"].get<int>()) << row["kind"] << " " << count;
  }
}

}  // namespace
}  // namespace scoresde::test
