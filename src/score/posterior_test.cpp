#include "score/posterior.h"

#include <gtest/gtest.h>

#include <Eigen/LU>
#include <cmath>

#include "core/error.h"
#include "score/analytic.h"

namespace scoresde {
namespace {

Eigen::MatrixXd matrix_of(Index rows, Index columns, std::initializer_list<double> values) {
  Eigen::MatrixXd result(rows, columns);
  std::copy(values.begin(), values.end(), result.reshaped<Eigen::RowMajor>().begin());
  return result;
}

std::vector<MixtureComponent> test_prior() {
  return {{2, Gaussian(Eigen::ArrayXd::Constant(2, 0.5), matrix_of(2, 2, {0.3, 0.1, 0.1, 0.2}))},
          {1, Gaussian(Eigen::ArrayXd::Constant(2, -0.6), 0.15)}};
}

LinearMeasurement test_measurement() {
  return linear_measurement(matrix_of(1, 2, {1, 0.5}), Eigen::VectorXd::Constant(1, 0.2), 0.3);
}

double log_likelihood(const LinearMeasurement& seen, const Eigen::Vector2d& x) {
  const Eigen::VectorXd rest = seen.value - seen.matrix * x;
  return -0.5 * rest.dot(seen.noise.inverse() * rest) - 0.5 * std::log((2 * M_PI * seen.noise).determinant());
}

/// The integral over data x_0 of p(y | x_0) p(x_0) p(x_t | x_0), by the trapezium rule: for such functions exact to
/// rounding where its step is a fraction of every width. sigma = 0: without the last factor.
double quadrature(const LinearMeasurement& seen, const Marginal& m, const Eigen::Vector2d& x_t) {
  const auto sde = make_sde({});
  const MixtureScore prior(*sde, test_prior());
  const double h = 0.06;
  double sum = 0;
  for (double a = -4; a < 4; a += h)
    for (double b = -4; b < 4; b += h) {
      const Eigen::Vector2d x(a, b);
      double log_density = log_likelihood(seen, x);
      double mixture = 0;
      for (const MixtureComponent& component : prior.components())
        mixture += component.weight * std::exp(component.law.log_density(x.data(), {1, 0}));
      if (m.sigma > 0)
        log_density -=
            (x_t - m.alpha * x).squaredNorm() / (2 * m.sigma * m.sigma) + std::log(2 * M_PI * m.sigma * m.sigma);
      sum += h * h * mixture * std::exp(log_density);
    }
  return sum;
}

TEST(Posterior, HasTheDensityOfBayesAtEveryTime) {
  const LinearMeasurement seen = test_measurement();
  const auto prior = test_prior();
  const double evidence = quadrature(seen, {1, 0}, Eigen::Vector2d::Zero());
  EXPECT_NEAR(log_evidence(prior, seen), std::log(evidence), 1e-9);
  for (const char* name : {"vp", "ve", "rectified"}) {
    SdeConfig config;
    config.name = name;
    const auto sde = make_sde(config);
    const MixtureScore score(*sde, posterior(prior, seen));
    for (const double noise : {0.4, 2.0}) {  // sigma / alpha
      const double t = sde->time_at(-std::log(noise));
      const Marginal m = sde->marginal(t);
      Batch x(1, 2);
      x << 0.4 * m.alpha, -0.7 * m.alpha;
      const double exact = quadrature(seen, m, x.row(0).matrix().transpose()) / evidence;
      EXPECT_NEAR(score.log_density(x, times_of(1, t))[0], std::log(exact), 1e-9) << name << " " << noise;
    }
  }
}

TEST(Posterior, OfAGaussianByTwoMeasurementsAtOnceIsThatOfOneAfterTheOther) {
  const Gaussian prior(Eigen::ArrayXd::LinSpaced(3, -1, 1), matrix_of(3, 3, {1, 0.2, 0, 0.2, 0.5, 0.1, 0, 0.1, 0.8}));
  const Eigen::MatrixXd a = matrix_of(2, 3, {1, 0, 2, 0, 1, -1});
  const Eigen::VectorXd y = Eigen::Vector2d(0.3, -0.4);
  const Gaussian both = posterior(prior, {a, y, Eigen::Vector2d(0.25, 0.09).asDiagonal().toDenseMatrix()});
  const Gaussian one = posterior(prior, linear_measurement(a.row(0), y.head(1), 0.5));
  const Gaussian two = posterior(one, linear_measurement(a.row(1), y.tail(1), 0.3));
  EXPECT_LT((both.mean() - two.mean()).abs().maxCoeff(), 1e-12);
  EXPECT_LT((both.covariance() - two.covariance()).cwiseAbs().maxCoeff(), 1e-12);
}

TEST(Posterior, WithoutNoiseIsOnWhatWasSeen) {
  const Gaussian exact = posterior(test_prior()[0].law,
                                   linear_measurement(matrix_of(1, 2, {1, 0.5}), Eigen::VectorXd::Constant(1, 0.7), 0));
  EXPECT_NEAR(exact.mean()[0] + 0.5 * exact.mean()[1], 0.7, 1e-12);
  const Eigen::Vector2d a(1, 0.5);
  EXPECT_NEAR(a.dot(exact.covariance() * a), 0, 1e-12);
}

TEST(Posterior, DrawsHaveItsMoments) {
  // 20,000 draws: standard errors of mean and second moments from the draws themselves.
  const auto law = posterior(test_prior(), test_measurement());
  double total = 0;
  for (const MixtureComponent& component : law) total += component.weight;
  Eigen::Vector2d mean = Eigen::Vector2d::Zero();
  Eigen::Matrix2d second = Eigen::Matrix2d::Zero();
  for (const MixtureComponent& component : law) {
    const Eigen::Vector2d m = component.law.mean();
    mean += component.weight / total * m;
    second += component.weight / total * (component.law.covariance() + m * m.transpose());
  }
  const Batch x = draw_rows(law, 20000, 3);
  const auto expect_mean = [](const Eigen::ArrayXd& values, double truth) {
    const double average = values.mean();
    EXPECT_NEAR(average, truth, 5 * std::sqrt((values - average).square().mean() / 20000));
  };
  for (Index i = 0; i < 2; ++i) {
    expect_mean(x.col(i), mean[i]);
    for (Index j = 0; j < 2; ++j) expect_mean(x.col(i) * x.col(j), second(i, j));
  }
  EXPECT_TRUE((draw_rows(law, 5, 3) == x.topRows(5)).all());
}

TEST(Posterior, RefusesWhatDoesNotFit) {
  const Gaussian prior(Eigen::ArrayXd::Zero(2), 1.0);
  const Eigen::VectorXd one = Eigen::VectorXd::Zero(1), two = Eigen::VectorXd::Zero(2);
  EXPECT_THROW(posterior(prior, linear_measurement(Eigen::MatrixXd::Ones(1, 3), one, 1)), Error);
  EXPECT_THROW(posterior(prior, linear_measurement(Eigen::MatrixXd::Ones(1, 2), two, 1)), Error);
  EXPECT_THROW(posterior(prior, linear_measurement(Eigen::MatrixXd::Ones(2, 2), two, 0)), Error);
}

}  // namespace
}  // namespace scoresde
