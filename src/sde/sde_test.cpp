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

}  // namespace
}  // namespace scoresde
