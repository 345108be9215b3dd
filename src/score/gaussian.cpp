#include "score/gaussian.h"

#include <Eigen/Eigenvalues>
#include <cmath>
#include <numbers>

#include "core/error.h"
#include "core/noise.h"
#include "core/sum.h"

namespace scoresde {

Gaussian::Gaussian(Eigen::ArrayXd mean, double variance)
    : mean_(std::move(mean)), variances_(Eigen::ArrayXd::Constant(mean_.size(), variance)) {
  if (!(variance >= 0) || !std::isfinite(variance) || mean_.size() < 1)
    fail(Failure::usage, "a Gaussian of dimension {} cannot have variance {}", mean_.size(), variance);
}

Gaussian::Gaussian(Eigen::ArrayXd mean, const Eigen::MatrixXd& covariance) : mean_(std::move(mean)) {
  const double size = covariance.size() ? covariance.cwiseAbs().maxCoeff() : 0;
  if (mean_.size() < 1 || covariance.rows() != mean_.size() || covariance.cols() != mean_.size())
    fail(Failure::usage, "a Gaussian of dimension {} was given a covariance of {} x {}", mean_.size(),
         covariance.rows(), covariance.cols());
  if (!covariance.allFinite() || (covariance - covariance.transpose()).cwiseAbs().maxCoeff() > 1e-12 * size)
    fail(Failure::usage, "the covariance of a Gaussian must be finite and symmetric");
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> eigen(covariance);
  variances_ = eigen.eigenvalues().array();
  if (variances_.minCoeff() < -1e-12 * size)
    fail(Failure::usage, "the covariance of a Gaussian has the negative eigenvalue {}", variances_.minCoeff());
  variances_ = variances_.max(0.0);
  axes_ = eigen.eigenvectors().transpose().array();
}

double Gaussian::variance_at(Index axis, const Marginal& m) const {
  return m.alpha * m.alpha * variances_[axis] + m.sigma * m.sigma;
}

Eigen::ArrayXd Gaussian::centred(const double* x, const Marginal& m) const {
  return Eigen::Map<const Eigen::ArrayXd>(x, dimension()) - m.alpha * mean_;
}

Eigen::ArrayXd Gaussian::onto_axes(const Eigen::ArrayXd& v) const {
  if (axes_.size() == 0) return v;
  Eigen::ArrayXd result(v.size());
  for (Index i = 0; i < v.size(); ++i)
    result[i] = ordered_dot(&axes_(i, 0), v.data(), static_cast<std::size_t>(v.size()));
  return result;
}

Eigen::ArrayXd Gaussian::from_axes(const Eigen::ArrayXd& v) const {
  if (axes_.size() == 0) return v;
  Eigen::ArrayXd result = Eigen::ArrayXd::Zero(v.size());
  for (Index i = 0; i < v.size(); ++i)
    for (Index j = 0; j < v.size(); ++j) result[j] += axes_(i, j) * v[i];
  return result;
}

double Gaussian::log_density(const double* x, const Marginal& m) const {
  const Eigen::ArrayXd y = onto_axes(centred(x, m));
  Eigen::ArrayXd terms(y.size());
  for (Index i = 0; i < y.size(); ++i) {
    const double variance = variance_at(i, m);
    terms[i] = y[i] * y[i] / variance + std::log(2 * std::numbers::pi * variance);
  }
  return -0.5 * ordered_sum(terms.data(), static_cast<std::size_t>(terms.size()));
}

void Gaussian::score(const double* x, const Marginal& m, double* out) const {
  const Eigen::ArrayXd from_mean = -centred(x, m);
  precision_times(from_mean.data(), m, out);
}

void Gaussian::precision_times(const double* v, const Marginal& m, double* out) const {
  Eigen::ArrayXd y = onto_axes(Eigen::Map<const Eigen::ArrayXd>(v, dimension()));
  for (Index i = 0; i < y.size(); ++i) y[i] /= variance_at(i, m);
  Eigen::Map<Eigen::ArrayXd>(out, dimension()) = from_axes(y);
}

void Gaussian::flow(const double* x, const Marginal& m, const Marginal& n, double* out) const {
  Eigen::ArrayXd y = onto_axes(centred(x, m));
  for (Index i = 0; i < y.size(); ++i) y[i] *= std::sqrt(variance_at(i, n) / variance_at(i, m));
  Eigen::Map<Eigen::ArrayXd>(out, dimension()) = n.alpha * mean_ + from_axes(y);
}

Eigen::MatrixXd Gaussian::covariance() const {
  if (axes_.size() == 0) return variances_.matrix().asDiagonal();
  return axes_.matrix().transpose() * variances_.matrix().asDiagonal() * axes_.matrix();
}

void Gaussian::place(const double* z, double* out) const {
  const Eigen::ArrayXd along = Eigen::Map<const Eigen::ArrayXd>(z, dimension()) * variances_.sqrt();
  Eigen::Map<Eigen::ArrayXd>(out, dimension()) = mean_ + from_axes(along);
}

Batch draw_rows(std::span<const MixtureComponent> mixture, Index rows, std::uint64_t seed) {
  double total = 0;
  for (const MixtureComponent& component : mixture) total += component.weight;
  Batch x(rows, mixture.front().law.dimension());
  Eigen::ArrayXd z(x.cols());
  for (Index i = 0; i < rows; ++i) {
    const NoiseAddress address{.seed = seed, .purpose = Purpose::posterior, .sample = static_cast<std::uint64_t>(i)};
    NoiseAddress which = address;
    which.draw = 1;
    double rest = uniform(which) * total;
    std::size_t k = 0;
    while (k + 1 < mixture.size() && (rest -= mixture[k].weight) > 0) ++k;
    fill_normal(address, std::span(z.data(), static_cast<std::size_t>(z.size())));
    mixture[k].law.place(z.data(), &x(i, 0));
  }
  return x;
}

}  // namespace scoresde
