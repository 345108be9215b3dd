#include "sde/sde.h"

#include <gtest/gtest.h>

#include <cmath>

#include "sde/grid.h"

namespace scoresde {
namespace {

// A table made from the vp SDE, finely: what a user would hand in.
std::string vp_csv() {
  const auto vp = make_sde({});
  std::string csv = "t,alpha,sigma\n";
  for (int i = 0; i <= 400; ++i) {
    const double t = 1e-4 * std::pow(1e4, i / 400.0);
    csv += fmt::format("{},{},{}\n", t, vp->marginal(t).alpha, vp->marginal(t).sigma);
  }
  return csv;
}

SdeConfig config_of(std::string_view name) {
  SdeConfig config;
  config.name = name;
  if (name == "table") config.table = vp_csv();
  return config;
}

class EverySde : public testing::TestWithParam<std::string> {
 protected:
  std::unique_ptr<Sde> sde_ = make_sde(config_of(GetParam()));

  // Spread over the range evenly in log t, ends left out.
  std::vector<double> times(int count) const {
    std::vector<double> result;
    for (int i = 1; i <= count; ++i)
      result.push_back(sde_->t_min() * std::pow(sde_->t_max() / sde_->t_min(), i / (count + 1.0)));
    return result;
  }
};

TEST_P(EverySde, CoefficientsAreTheDerivativesOfTheMarginal) {
  for (double t : times(40)) {
    const double h = 1e-4 * t;
    const Marginal a = sde_->marginal(t - 2 * h), b = sde_->marginal(t - h), c = sde_->marginal(t + h),
                   d = sde_->marginal(t + 2 * h);
    const auto slope = [&](double fa, double fb, double fc, double fd) {
      return (fa - 8 * fb + 8 * fc - fd) / (12 * h);
    };
    const double f = slope(std::log(a.alpha), std::log(b.alpha), std::log(c.alpha), std::log(d.alpha));
    const double variance_slope = slope(a.sigma * a.sigma, b.sigma * b.sigma, c.sigma * c.sigma, d.sigma * d.sigma);
    const double sigma = sde_->marginal(t).sigma;
    const double g2 = variance_slope - 2 * f * sigma * sigma;
    const double tolerance = GetParam() == "table" ? 1e-3 : 2e-9;  // a knot of the table inside the stencil
    const double rounding = 1e-15 * (1 + std::abs(std::log(c.alpha))) / h;
    EXPECT_NEAR(sde_->drift(t), f, tolerance * std::abs(f) + rounding) << t;
    EXPECT_NEAR(sde_->diffusion(t) * sde_->diffusion(t), g2, tolerance * (g2 + sigma * sigma / t)) << t;
  }
}

TEST_P(EverySde, LogSnrFallsAndTimeAtIsItsInverse) {
  double before = sde_->log_snr(sde_->t_min());
  for (double t : times(200)) {
    const double lambda = sde_->log_snr(t);
    EXPECT_LT(lambda, before) << t;
    const double back = sde_->time_at(lambda);
    // What a rounding error of lambda amounts to in t, and a few ulp of t.
    const double slope = 0.5 * std::pow(sde_->diffusion(t) / sde_->marginal(t).sigma, 2);
    EXPECT_NEAR(back, t, 8e-16 * (std::abs(lambda) + 2) / slope + 4e-15 * t) << t;
    before = lambda;
  }
  EXPECT_EQ(sde_->time_at(1e9), sde_->t_min());
  EXPECT_EQ(sde_->time_at(-1e9), sde_->t_max());
}

TEST_P(EverySde, TransitionsCompose) {
  const auto t = times(12);
  for (std::size_t i = 0; i < t.size(); ++i)
    for (std::size_t j = i + 1; j < t.size(); ++j) {
      const Marginal from = sde_->marginal(t[i]), to = sde_->marginal(t[j]);
      const Transition step = sde_->transition(t[i], t[j]);
      EXPECT_NEAR(step.scale * from.alpha, to.alpha, 1e-13 * to.alpha);
      const double variance = step.scale * step.scale * from.sigma * from.sigma + step.std * step.std;
      EXPECT_NEAR(variance, to.sigma * to.sigma, 1e-12 * to.sigma * to.sigma);
      for (std::size_t k = i + 1; k < j; ++k) {
        const Transition first = sde_->transition(t[i], t[k]), second = sde_->transition(t[k], t[j]);
        EXPECT_NEAR(first.scale * second.scale, step.scale, 1e-13 * step.scale);
        EXPECT_NEAR(std::hypot(second.scale * first.std, second.std), step.std, 1e-12 * step.std);
      }
    }
}

// For s close to t the variance is g^2 (t - s): the difference of two nearly equal variances would lose it.
TEST_P(EverySde, ShortTransitionsAreAccurate) {
  for (double t : times(12)) {
    const double dt = 1e-9 * t;
    const Transition step = sde_->transition(t, t + dt);
    const double g2 = std::pow(sde_->diffusion(t), 2), real_dt = (t + dt) - t;
    // Where no closed form is known, log-SNRs are subtracted: their rounding error over their difference.
    const double tolerance = GetParam() == "table" ? 1e-4 : 1e-7;
    EXPECT_NEAR(step.std * step.std / (g2 * real_dt), 1, tolerance) << t;
  }
}

TEST_P(EverySde, EveryGridIsMonotoneWithExactEnds) {
  for (const GridEntry& grid : grids())
    for (int steps = 1; steps <= 50; ++steps)
      for (bool generate : {true, false}) {
        const double start = generate ? sde_->t_max() : sde_->t_end(), stop = generate ? sde_->t_end() : sde_->t_max();
        const auto times = make_grid(grid.name, *sde_, start, stop, steps);
        ASSERT_EQ(times.size(), static_cast<std::size_t>(steps) + 1);
        EXPECT_EQ(times.front(), start);
        EXPECT_EQ(times.back(), stop);
        for (std::size_t k = 1; k < times.size(); ++k) EXPECT_EQ(times[k] < times[k - 1], generate) << grid.name;
      }
}

TEST_P(EverySde, PriorIsNearTheLawAtTheEnd) {
  const Marginal end = sde_->marginal(sde_->t_max());
  EXPECT_NEAR(sde_->prior_std(), end.sigma, 1e-4 * end.sigma);
  EXPECT_LT(end.alpha / end.sigma, 0.021);  // what is left of data of unit size
}

std::vector<std::string> sde_names() {
  std::vector<std::string> names;
  for (const SdeEntry& entry : sdes()) names.emplace_back(entry.name);
  return names;
}
INSTANTIATE_TEST_SUITE_P(All, EverySde, testing::ValuesIn(sde_names()), [](const auto& info) {
  std::string name = info.param;
  std::erase(name, '-');
  return name;
});

// The message of the error that `config` gives, or "" where it makes an SDE.
std::string refusal(const SdeConfig& config) {
  try {
    make_sde(config);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

std::string table_refusal(const std::string& csv) {
  SdeConfig config = config_of("vp");
  config.name = "table";
  config.table = csv;
  return refusal(config);
}

TEST(MakeSde, RefusesWhatIsNoSde) {
  const auto with = [](std::string_view name, double SdeConfig::*member, double value) {
    SdeConfig config = config_of(name);
    config.*member = value;
    return refusal(config);
  };
  EXPECT_NE(refusal(config_of("sub_vp")).find("did you mean 'sub-vp'"), std::string::npos);
  EXPECT_NE(with("ve", &SdeConfig::sigma_min, 60).find("sigma_min = 60"), std::string::npos);
  EXPECT_NE(with("edm", &SdeConfig::sigma_max, 0.001).find("sigma_max"), std::string::npos);
  EXPECT_NE(with("vp", &SdeConfig::beta_min, 30).find("beta_min = 30"), std::string::npos);
  EXPECT_NE(with("vp", &SdeConfig::beta_max, std::nan("")), "");
  EXPECT_NE(with("vp", &SdeConfig::beta_max, 1e4).find("alpha = 0"), std::string::npos);  // e^-2500
  EXPECT_NE(with("vp", &SdeConfig::t_min, 2).find("t_min"), std::string::npos);
  EXPECT_NE(with("ou", &SdeConfig::beta, 0), "");
  EXPECT_NE(with("cosine", &SdeConfig::t_max, 1), "");
  EXPECT_NE(with("rectified", &SdeConfig::t_max, 1), "");
  EXPECT_NE(with("table", &SdeConfig::t_max, 2), "");
  EXPECT_EQ(with("table", &SdeConfig::t_max, 0.5), "");
}

TEST(MakeSde, EndOfSamplingIsNeverBelowTheSmallestTime) {
  SdeConfig config = config_of("vp");
  config.t_min = 0.01;
  EXPECT_EQ(make_sde(config)->t_end(), 0.01);
  config.t_end = 0.001;
  EXPECT_NE(refusal(config), "");
}

TEST(TableSde, RefusesHostileTables) {
  const std::string good = "t,alpha,sigma\n0.1,1,0.1\n0.2,0.9,0.2\n0.5,0.5,0.6\n1,0.1,1\n";
  EXPECT_EQ(table_refusal(good), "");
  const auto replaced = [&](const std::string& from, const std::string& to) {
    std::string csv = good;
    csv.replace(csv.find(from), from.size(), to);
    return table_refusal(csv);
  };
  EXPECT_NE(table_refusal("\n"), "");
  EXPECT_NE(table_refusal("0.1,1,0.1\n0.2,0.9,0.2\n0.5,0.5,0.6\n").find("at least 4 rows"), std::string::npos);
  EXPECT_NE(replaced("0.2,0.9,0.2", "0.2,0.9").find("line 3"), std::string::npos);
  EXPECT_NE(replaced("0.2,0.9,0.2", "0.2,0.9,0.2,7").find("three numbers"), std::string::npos);
  EXPECT_NE(replaced("0.2,0.9,0.2", "0.2,x,0.2").find("three numbers"), std::string::npos);
  EXPECT_NE(replaced("0.2,0.9,0.2", "0.1,0.9,0.2").find("above t = 0.1"), std::string::npos);
  EXPECT_NE(replaced("0.5,0.5,0.6", "0.5,0.5,0.1").find("must fall"), std::string::npos);
  EXPECT_NE(replaced("0.2,0.9,0.2", "0.2,-0.9,0.2").find("above 0"), std::string::npos);
  EXPECT_NE(replaced("0.2,0.9,0.2", "0.2,nan,0.2").find("above 0"), std::string::npos);
  EXPECT_NE(replaced("0.2,0.9,0.2", "0.2,0.9,1e-320").find("above 0"), std::string::npos);
  EXPECT_NE(replaced("0.2,0.9,0.2", "0.2,0.9,inf").find("above 0"), std::string::npos);
  EXPECT_NE(table_refusal("\177ELF\n\1\2\n" + good).find("line 2"), std::string::npos);
  SdeConfig missing = config_of("vp");
  missing.name = "table";
  EXPECT_NE(refusal(missing).find("sde.table"), std::string::npos);
  missing.table = "no/such/file.csv";
  EXPECT_NE(refusal(missing).find("no/such/file.csv"), std::string::npos);
}

TEST(TableSde, ReproducesTheSdeItWasMadeFrom) {
  const auto table = make_sde(config_of("table")), vp = make_sde(config_of("vp"));
  for (double t : {2e-4, 1e-3, 0.01, 0.1, 0.5, 0.9}) {
    EXPECT_NEAR(table->marginal(t).sigma / vp->marginal(t).sigma, 1, 1e-5);
    EXPECT_NEAR(table->drift(t) / vp->drift(t), 1, 1e-3);
    EXPECT_NEAR(table->diffusion(t) / vp->diffusion(t), 1, 1e-3);
  }
}

TEST(Grid, RefusesWhatIsNoGrid) {
  const auto sde = make_sde({});
  EXPECT_THROW(make_grid("uniform", *sde, 1, 1e-3, 0), Error);
  EXPECT_THROW(make_grid("uniform", *sde, 1, 1e-3, -3), Error);
  EXPECT_THROW(make_grid("unifrom", *sde, 1, 1e-3, 3), Error);
  EXPECT_THROW(make_grid("uniform", *sde, 1.1, 1e-3, 3), Error);
  EXPECT_THROW(make_grid("uniform", *sde, 1, 1e-6, 3), Error);
  EXPECT_THROW(make_grid("uniform", *sde, 0.5, 0.5, 3), Error);
  EXPECT_THROW(make_grid("log-snr", *sde, 0.5, std::nextafter(0.5, 1), 3), Error);
}

TEST(Grid, SpacingIsWhatTheNameSays) {
  const auto edm = make_sde(config_of("edm"));
  const auto karras = make_grid("karras", *edm, 80, 0.002, 18);  // Karras et al. 2022, eq. 5
  for (int i = 0; i <= 18; ++i) {
    const double root = std::pow(80, 1 / 7.0) + i / 18.0 * (std::pow(0.002, 1 / 7.0) - std::pow(80, 1 / 7.0));
    EXPECT_NEAR(karras[static_cast<std::size_t>(i)], std::pow(root, 7), 1e-12 * karras[static_cast<std::size_t>(i)]);
  }
  const auto ve = make_sde(config_of("ve"));  // log-SNR is linear in t: the same as uniform
  const auto even = make_grid("uniform", *ve, 1, 1e-5, 20), log_snr = make_grid("log-snr", *ve, 1, 1e-5, 20);
  for (std::size_t i = 0; i < even.size(); ++i) EXPECT_NEAR(log_snr[i], even[i], 1e-14);
  EXPECT_NEAR(make_grid("quadratic", *edm, 64, 1, 7)[4], 16, 1e-12);  // (8 - 4)^2
}

}  // namespace
}  // namespace scoresde
