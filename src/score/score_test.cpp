#include "score/score.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/error.h"
#include "core/noise.h"
#include "core/sum.h"
#include "score/analytic.h"
#include "score/guidance.h"
#include "score/prediction.h"

namespace scoresde {
namespace {

Batch noise_of(std::uint64_t seed, Index rows, Index columns) {
  Batch z(rows, columns);
  for (Index i = 0; i < rows; ++i)
    fill_normal({.seed = seed, .sample = static_cast<std::uint64_t>(i)},
                std::span(z.data() + i * columns, static_cast<std::size_t>(columns)));
  return z;
}

Eigen::ArrayXd vector_of(std::uint64_t seed, Index size) { return noise_of(seed, 1, size).row(0).transpose(); }

Eigen::MatrixXd covariance_of(std::uint64_t seed, Index size) {
  const Eigen::MatrixXd root = noise_of(seed, size, size).matrix();
  return root * root.transpose() / static_cast<double>(size);
}

constexpr Index test_dimension = 5;

std::unique_ptr<Score> exact_score(std::string_view name, const Sde& sde) {
  const Index d = test_dimension;
  const Gaussian round(vector_of(1, d), 0.3), oblong(vector_of(2, d), covariance_of(3, d));
  if (name == "gaussian") return std::make_unique<GaussianScore>(sde, oblong);
  if (name == "empirical") return std::make_unique<EmpiricalScore>(sde, noise_of(4, 7, d));
  return std::make_unique<MixtureScore>(sde, std::vector<MixtureComponent>{{2, round}, {1, oblong}});
}

class EveryExactScore : public testing::TestWithParam<std::tuple<std::string, std::string>> {
 protected:
  EveryExactScore() {
    SdeConfig config;
    config.name = std::get<1>(GetParam());
    sde_ = make_sde(config);
    score_ = exact_score(std::get<0>(GetParam()), *sde_);
    // Noise levels sigma / alpha of 0.3 to 3, where every term of a score matters.
    t_ = Times(6);
    for (Index i = 0; i < 6; ++i) t_[i] = sde_->time_at(std::log(3.0) - 0.4 * static_cast<double>(i));
    const Marginals m = marginals(*sde_, t_);
    x_ = noise_of(5, 6, test_dimension).colwise() * (m.alpha + m.sigma);
  }

  // The derivative along v by differences of order 4, at steps in units of sigma.
  template <class Function>
  auto along(const Function& function, const Batch& v) const {
    const Times h = 2e-3 * marginals(*sde_, t_).sigma;
    const auto at = [&](double k) { return function(Batch(x_ + k * (v.colwise() * h))); };
    const auto difference = (at(-2) - 8 * at(-1) + 8 * at(1) - at(2)).eval();
    return std::make_pair(difference, (12 * h).eval());
  }

  std::unique_ptr<Sde> sde_;
  std::unique_ptr<Score> score_;
  Times t_;
  Batch x_;
};

TEST_P(EveryExactScore, IsTheGradientOfTheLogDensity) {
  const Batch score = (*score_)(x_, t_);
  const Times scale = 1 / marginals(*sde_, t_).sigma;
  for (Index j = 0; j < test_dimension; ++j) {
    Batch unit = Batch::Zero(6, test_dimension);
    unit.col(j) = 1;
    const auto [difference, width] = along([&](const Batch& y) { return score_->log_density(y, t_); }, unit);
    const Times slope = difference / width;
    for (Index i = 0; i < 6; ++i) EXPECT_NEAR(slope[i], score(i, j), 1e-9 * scale[i]) << i << " " << j;
  }
}

TEST_P(EveryExactScore, VjpIsTheTransposedJacobian) {
  const Batch v = noise_of(6, 6, test_dimension), w = noise_of(7, 6, test_dimension);
  const auto [difference, width] = along([&](const Batch& y) { return (*score_)(y, t_); }, w);
  const Times forward = row_dot(v, difference.colwise() / width);
  const Times reverse = row_dot(score_->vjp(x_, t_, v), w);
  const Times scale = marginals(*sde_, t_).sigma.square().inverse();
  for (Index i = 0; i < 6; ++i) EXPECT_NEAR(forward[i], reverse[i], 1e-8 * scale[i]) << i;
}

TEST_P(EveryExactScore, RowsDoNotKnowTheirBatch) {
  const Batch v = noise_of(8, 6, test_dimension);
  const Batch score = (*score_)(x_, t_), product = score_->vjp(x_, t_, v);
  const Times density = score_->log_density(x_, t_);
  for (Index first : {0, 1, 3})
    for (Index rows : {1, 2, 3}) {
      const Batch x = x_.middleRows(first, rows), w = v.middleRows(first, rows);
      const Times t = t_.segment(first, rows);
      EXPECT_TRUE(((*score_)(x, t) == score.middleRows(first, rows)).all());
      EXPECT_TRUE((score_->vjp(x, t, w) == product.middleRows(first, rows)).all());
      EXPECT_TRUE((score_->log_density(x, t) == density.segment(first, rows)).all());
      EXPECT_TRUE(
          (flow_velocity(*sde_, *score_, x, t) == flow_velocity(*sde_, *score_, x_, t_).middleRows(first, rows)).all());
    }
}

TEST_P(EveryExactScore, IsFiniteFarFromTheDataAndAtAllTimes) {
  for (double t : {sde_->t_min(), sde_->t_end(), sde_->t_max()})
    for (double size : {1e-8, 1.0, 1e4}) {
      const Batch x = size * noise_of(9, 3, test_dimension);
      const Times times = times_of(3, t);
      EXPECT_TRUE((*score_)(x, times).isFinite().all());
      EXPECT_TRUE(score_->vjp(x, times, x).isFinite().all());
      EXPECT_TRUE(score_->log_density(x, times).isFinite().all());
    }
}

TEST_P(EveryExactScore, EveryPredictionConvertsIntoEveryOther) {
  const Batch score = (*score_)(x_, t_);
  const Marginals m = marginals(*sde_, t_);
  const auto convert = [&](Prediction from, Prediction to, const Batch& value) {
    return convert_prediction(*sde_, from, to, x_, t_, value);
  };
  const Batch noise = convert(Prediction::score, Prediction::noise, score);
  const Batch denoised = convert(Prediction::noise, Prediction::denoised, noise);
  EXPECT_LT((denoised - denoise(*sde_, *score_, x_, t_)).abs().maxCoeff(), 1e-12);
  EXPECT_LT((denoised.colwise() * m.alpha + noise.colwise() * m.sigma - x_).abs().maxCoeff(),
            1e-12 * x_.abs().maxCoeff());
  const Batch velocity = convert(Prediction::denoised, Prediction::velocity, denoised);
  const Batch flow = flow_velocity(*sde_, *score_, x_, t_);
  EXPECT_LT((velocity - flow).abs().maxCoeff(), 1e-11 * flow.abs().maxCoeff());
  for (Index i = 0; i < 6; ++i) {  // velocity = alpha' x_0 + sigma' z
    const double f = sde_->drift(t_[i]), g = sde_->diffusion(t_[i]);
    const double alpha_slope = f * m.alpha[i], sigma_slope = 0.5 * g * g / m.sigma[i] + f * m.sigma[i];
    for (Index j = 0; j < test_dimension; ++j)
      EXPECT_NEAR(velocity(i, j), alpha_slope * denoised(i, j) + sigma_slope * noise(i, j),
                  1e-11 * flow.row(i).abs().maxCoeff());
  }
  const Batch back = convert(Prediction::velocity, Prediction::score, velocity);
  EXPECT_LT((back - score).abs().maxCoeff(), 1e-10 * score.abs().maxCoeff());
}

INSTANTIATE_TEST_SUITE_P(All, EveryExactScore,
                         testing::Combine(testing::Values("gaussian", "mixture", "empirical"),
                                          testing::Values("vp", "ve", "rectified")),
                         [](const auto& info) { return std::get<0>(info.param) + "_" + std::get<1>(info.param); });

TEST(GaussianScore, FlowSolvesItsDifferentialEquation) {
  for (const SdeEntry& entry : sdes()) {
    if (entry.name == "table") continue;
    SdeConfig config;
    config.name = entry.name;
    const auto sde = make_sde(config);
    const GaussianScore score(*sde, Gaussian(vector_of(2, test_dimension), covariance_of(3, test_dimension)));
    const Batch x = noise_of(5, 4, test_dimension);
    const double t = 0.5 * (sde->t_min() + sde->t_max()), h = 1e-3 * t;
    const Batch slope = (score.flow(x, t, t - 2 * h) - 8 * score.flow(x, t, t - h) + 8 * score.flow(x, t, t + h) -
                         score.flow(x, t, t + 2 * h)) /
                        (12 * h);
    const Batch velocity = flow_velocity(*sde, score, x, times_of(4, t));
    EXPECT_LT((slope - velocity).abs().maxCoeff(), 1e-8 * velocity.abs().maxCoeff()) << entry.name;
    const Batch there = score.flow(x, sde->t_max(), sde->t_min());
    const Batch back = score.flow(there, sde->t_min(), sde->t_max());
    EXPECT_LT((back - x).abs().maxCoeff(), 1e-9 * x.abs().maxCoeff()) << entry.name;
  }
}

TEST(Score, ReverseFamilyHasTheSameMarginals) {
  // Law N(0, v): d/dt of the variance under drift (a x) and noise eta g is 2 a v - eta^2 g^2 when time runs backwards.
  const auto sde = make_sde({});
  const GaussianScore score(*sde, Gaussian(Eigen::ArrayXd::Zero(1), 0.25));
  const double t = 0.4, g = sde->diffusion(t);
  const Marginal m = sde->marginal(t);
  const double v = 0.25 * m.alpha * m.alpha + m.sigma * m.sigma;
  const double slope = 2 * sde->drift(t) * v + g * g;  // of the forward process
  for (double eta : {0.0, 0.5, 1.0, 2.0}) {
    const double a = reverse_drift(*sde, score, Batch::Ones(1, 1), times_of(1, t), eta)(0, 0);
    EXPECT_NEAR(2 * a * v - eta * eta * g * g, slope, 1e-12 * std::abs(slope)) << eta;
  }
}

TEST(Score, CountsRowsAndRefusesADerivativeItDoesNotHave) {
  class Flat : public Score {
   public:
    Batch operator()(const Batch& x, const Times&) const override { return Batch::Zero(x.rows(), x.cols()); }
    Index dimension() const override { return 2; }
  };
  const Flat flat;
  const CountingScore counting(flat);
  counting(Batch::Zero(3, 2), times_of(3, 1));
  counting(Batch::Zero(4, 2), times_of(4, 1));
  EXPECT_EQ(counting.rows_evaluated(), 7u);
  EXPECT_THROW(counting.vjp(Batch::Zero(3, 2), times_of(3, 1), Batch::Zero(3, 2)), Error);
}

TEST(GuidedScore, IsALineThroughItsTwoScores) {
  const auto sde = make_sde({});
  const Gaussian law(vector_of(2, test_dimension), 0.3);
  const GaussianScore conditional(*sde, law), unconditional(*sde, Gaussian(vector_of(6, test_dimension), 0.8));
  const Batch x = noise_of(7, 3, test_dimension), v = noise_of(8, 3, test_dimension);
  const Times t = times_of(3, 0.4);
  const auto expect_same = [](const Batch& a, const Batch& b) { EXPECT_LT((a - b).abs().maxCoeff(), 1e-12); };
  for (const double weight : {0.0, 1.0, 2.5}) {
    const GuidedScore guided(conditional, unconditional, weight);
    expect_same(guided(x, t), weight * conditional(x, t) + (1 - weight) * unconditional(x, t));
    expect_same(guided.vjp(x, t, v), weight * conditional.vjp(x, t, v) + (1 - weight) * unconditional.vjp(x, t, v));
    const double h = 1;  // both scores are linear: the central difference of v . score along v is v . vjp(v)
    const Times along = row_dot(v, guided(x + h * v, t) - guided(x - h * v, t)) / (2 * h);
    expect_same(along, row_dot(v, guided.vjp(x, t, v)));
    EXPECT_EQ(guided.dimension(), test_dimension);
  }
}

TEST(GuidedScore, ActsWithinItsIntervalOnlyRowByRow) {
  const auto sde = make_sde({});
  const GaussianScore conditional(*sde, Gaussian(vector_of(2, test_dimension), 0.3)),
      unconditional(*sde, Gaussian(vector_of(6, test_dimension), 0.8));
  const CountingScore counted(unconditional);
  const GuidedScore guided(conditional, counted, 3, *sde, {0.5, 5});
  const Batch x = noise_of(7, 4, test_dimension), v = noise_of(8, 4, test_dimension);
  Times t(4);
  t << sde->time_at(-std::log(0.1)), sde->time_at(-std::log(1.0)), sde->time_at(-std::log(20.0)),
      sde->time_at(-std::log(4.0));
  const Batch c = conditional(x, t), u = unconditional(x, t), got = guided(x, t);
  EXPECT_EQ(counted.rows_evaluated(), 2u);
  for (const Index i : {0, 2}) EXPECT_TRUE((got.row(i) == c.row(i)).all()) << i;
  for (const Index i : {1, 3}) EXPECT_LT((got.row(i) - (3 * c.row(i) - 2 * u.row(i))).abs().maxCoeff(), 1e-12) << i;
  const Batch along = guided.vjp(x, t, v), own = conditional.vjp(x, t, v), other = unconditional.vjp(x, t, v);
  EXPECT_TRUE((along.row(0) == own.row(0)).all());
  EXPECT_LT((along.row(1) - (3 * own.row(1) - 2 * other.row(1))).abs().maxCoeff(), 1e-12);
}

TEST(ClassifierGuidedScore, OfAMixturesOwnClassifierIsTheComponentsScore) {
  // p(x) = sum_k w_k p_k(x): grad log p(k | x) = s_k - s, so guidance of weight 1 gives s_k.
  const auto sde = make_sde({});
  const std::vector<MixtureComponent> parts = {{0.4, Gaussian(vector_of(2, test_dimension), 0.3)},
                                               {0.6, Gaussian(vector_of(6, test_dimension), 0.8)}};
  const MixtureScore all(*sde, parts);
  const GaussianScore one(*sde, parts[1].law);
  const ClassifierGuidedScore guided(
      all, [&](const Batch& x, const Times& t) -> Batch { return one(x, t) - all(x, t); }, 1, *sde);
  const Batch x = noise_of(7, 3, test_dimension);
  const Times t = times_of(3, 0.3);
  EXPECT_LT((guided(x, t) - one(x, t)).abs().maxCoeff(), 1e-12);
  const ClassifierGuidedScore never(
      all, [](const Batch&, const Times&) -> Batch { throw Error(Failure::run, "asked outside"); }, 1, *sde,
      {100, 200});
  EXPECT_TRUE((never(x, t) == all(x, t)).all());
}

TEST(Gaussian, RefusesWhatIsNoCovariance) {
  const Eigen::ArrayXd mean = Eigen::ArrayXd::Zero(2);
  EXPECT_THROW(Gaussian(mean, -1.0), Error);
  EXPECT_THROW(Gaussian(mean, std::nan("")), Error);
  Eigen::MatrixXd skew(2, 2), indefinite(2, 2);
  skew << 1, 0.5, 0.2, 1;
  indefinite << 1, 2, 2, 1;
  EXPECT_THROW(Gaussian(mean, skew), Error);
  EXPECT_THROW(Gaussian(mean, indefinite), Error);
  EXPECT_THROW(Gaussian(mean, Eigen::MatrixXd::Identity(3, 3)), Error);
  const auto sde = make_sde({});
  EXPECT_THROW(MixtureScore(*sde, {}), Error);
  EXPECT_THROW(MixtureScore(*sde, {{0, Gaussian(mean, 1.0)}}), Error);
}

}  // namespace
}  // namespace scoresde
