#pragma once
#include <Eigen/Core>
#include <vector>

#include "score/gaussian.h"

namespace scoresde {

/// What was seen of data x_0: value = matrix x_0 + N(0, noise), noise a covariance.
struct LinearMeasurement {
  Eigen::MatrixXd matrix;  ///< values seen x dimension
  Eigen::VectorXd value;
  Eigen::MatrixXd noise;
};

/// With the noise N(0, deviation^2 I); 0 is allowed where the seen values are independent.
LinearMeasurement linear_measurement(Eigen::MatrixXd matrix, Eigen::VectorXd value, double deviation);

// The law of x_0 given the measurement is a Gaussian or a mixture again, and serves as data of a GaussianScore or
// MixtureScore for every SDE at every t: the score that guidance for inverse problems approximates.
// Error{usage} where shapes do not fit, or the seen values have no density (noise 0 along a direction the prior does
// not fill).

/// N(m + K (y - A m), C - K A C), K = C A^T (A C A^T + noise)^-1.
Gaussian posterior(const Gaussian& prior, const LinearMeasurement& seen);

/// log p(y) = log N(y; A m, A C A^T + noise).
double log_evidence(const Gaussian& prior, const LinearMeasurement& seen);

/// Each component's posterior, weighted by its prior weight times its evidence; components whose share underflows are
/// left out.
std::vector<MixtureComponent> posterior(std::span<const MixtureComponent> prior, const LinearMeasurement& seen);
double log_evidence(std::span<const MixtureComponent> prior, const LinearMeasurement& seen);

}  // namespace scoresde
