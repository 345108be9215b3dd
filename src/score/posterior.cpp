#include "score/posterior.h"

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/error.h"

namespace scoresde {
namespace {

/// The law of the seen values under a prior, factorised.
struct SeenLaw {
  SeenLaw(const Gaussian& prior, const LinearMeasurement& seen) : prior_covariance(prior.covariance()) {
    const auto& a = seen.matrix;
    if (a.cols() != prior.dimension() || a.rows() != seen.value.size() || a.rows() < 1 ||
        seen.noise.rows() != a.rows() || seen.noise.cols() != a.rows())
      fail(Failure::usage, "a {} x {} measurement of {} values with a {} x {} noise does not fit data of dimension {}",
           a.rows(), a.cols(), seen.value.size(), seen.noise.rows(), seen.noise.cols(), prior.dimension());
    surprise = seen.value - a * prior.mean().matrix();
    root.compute(a * prior_covariance * a.transpose() + seen.noise);
    const Eigen::VectorXd pivots = root.matrixL().toDenseMatrix().diagonal();
    if (root.info() != Eigen::Success || !(pivots.minCoeff() > 1e-7 * pivots.maxCoeff()))
      fail(Failure::usage,
           "the measured values have no density: they depend on each other and the noise does not help");
  }

  double log_density() const {
    const double size = static_cast<double>(surprise.size());
    return -0.5 * (surprise.dot(root.solve(surprise)) + size * std::log(2 * std::numbers::pi)) -
           root.matrixL().toDenseMatrix().diagonal().array().log().sum();
  }

  Eigen::MatrixXd prior_covariance;
  Eigen::VectorXd surprise;
  Eigen::LLT<Eigen::MatrixXd> root;
};

std::vector<double> log_weights(std::span<const MixtureComponent> prior, const LinearMeasurement& seen) {
  double total = 0;
  for (const MixtureComponent& component : prior) total += component.weight;
  std::vector<double> logs;
  for (const MixtureComponent& component : prior)
    logs.push_back(std::log(component.weight / total) + log_evidence(component.law, seen));
  return logs;
}

}  // namespace

LinearMeasurement linear_measurement(Eigen::MatrixXd matrix, Eigen::VectorXd value, double deviation) {
  const Index seen = matrix.rows();
  return {std::move(matrix), std::move(value), deviation * deviation * Eigen::MatrixXd::Identity(seen, seen)};
}

// Joseph's form (I - K A) C (I - K A)^T + K noise K^T stays positive semidefinite where C - K A C would cancel.
Gaussian posterior(const Gaussian& prior, const LinearMeasurement& seen) {
  const SeenLaw law(prior, seen);
  const Eigen::MatrixXd gain = law.root.solve(seen.matrix * law.prior_covariance).transpose();
  const Eigen::MatrixXd rest = Eigen::MatrixXd::Identity(prior.dimension(), prior.dimension()) - gain * seen.matrix;
  const Eigen::MatrixXd covariance =
      rest * law.prior_covariance * rest.transpose() + gain * seen.noise * gain.transpose();
  return {(prior.mean().matrix() + gain * law.surprise).array(),
          Eigen::MatrixXd(0.5 * (covariance + covariance.transpose()))};
}

double log_evidence(const Gaussian& prior, const LinearMeasurement& seen) { return SeenLaw(prior, seen).log_density(); }

std::vector<MixtureComponent> posterior(std::span<const MixtureComponent> prior, const LinearMeasurement& seen) {
  const std::vector<double> logs = log_weights(prior, seen);
  const double top = *std::max_element(logs.begin(), logs.end());
  std::vector<MixtureComponent> result;
  for (std::size_t k = 0; k < prior.size(); ++k)
    if (const double weight = std::exp(logs[k] - top); weight > 0)
      result.push_back({weight, posterior(prior[k].law, seen)});
  return result;
}

double log_evidence(std::span<const MixtureComponent> prior, const LinearMeasurement& seen) {
  const std::vector<double> logs = log_weights(prior, seen);
  const double top = *std::max_element(logs.begin(), logs.end());
  double sum = 0;
  for (const double log : logs) sum += std::exp(log - top);
  return top + std::log(sum);
}

}  // namespace scoresde
