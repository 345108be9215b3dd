#include "score/analytic.h"

#include <cmath>
#include <numbers>

#include "core/error.h"
#include "core/sum.h"

namespace scoresde {
namespace {

std::size_t count_of(Index n) { return static_cast<std::size_t>(n); }

void require_rows(const Batch& x, const Times& t, Index dimension) {
  if (x.rows() != t.size() || x.cols() != dimension)
    fail(Failure::run, "a score of dimension {} was given {} x {} values and {} times", dimension, x.rows(), x.cols(),
         t.size());
}

// Turns log weights into weights of sum 1 and returns log sum exp, safe for any size of the logarithms.
double normalise_log_weights(Eigen::ArrayXd& weights) {
  const double top = weights.maxCoeff();
  for (double& w : weights) w = std::exp(w - top);
  const double total = ordered_sum(weights.data(), count_of(weights.size()));
  weights /= total;
  return top + std::log(total);
}

}  // namespace

Batch GaussianScore::operator()(const Batch& x, const Times& t) const {
  require_rows(x, t, dimension());
  Batch result(x.rows(), x.cols());
  for (Index i = 0; i < x.rows(); ++i) law_.score(&x(i, 0), sde_.marginal(t[i]), &result(i, 0));
  return result;
}

Batch GaussianScore::vjp(const Batch& x, const Times& t, const Batch& v) const {
  require_rows(x, t, dimension());
  require_rows(v, t, dimension());
  Batch result(x.rows(), x.cols());
  for (Index i = 0; i < x.rows(); ++i) law_.precision_times(&v(i, 0), sde_.marginal(t[i]), &result(i, 0));
  return -result;
}

Times GaussianScore::log_density(const Batch& x, const Times& t) const {
  require_rows(x, t, dimension());
  Times result(x.rows());
  for (Index i = 0; i < x.rows(); ++i) result[i] = law_.log_density(&x(i, 0), sde_.marginal(t[i]));
  return result;
}

Batch GaussianScore::flow(const Batch& x, double t, double s) const {
  require_rows(x, times_of(x.rows(), t), dimension());
  const Marginal from = sde_.marginal(t), to = sde_.marginal(s);
  Batch result(x.rows(), x.cols());
  for (Index i = 0; i < x.rows(); ++i) law_.flow(&x(i, 0), from, to, &result(i, 0));
  return result;
}

MixtureScore::MixtureScore(const Sde& sde, std::vector<MixtureComponent> components)
    : sde_(sde), components_(std::move(components)) {
  if (components_.empty()) fail(Failure::usage, "a mixture needs at least one component");
  double total = 0;
  for (const MixtureComponent& component : components_) {
    if (!(component.weight > 0) || !std::isfinite(component.weight))
      fail(Failure::usage, "the weights of a mixture must be above 0, not {}", component.weight);
    if (component.law.dimension() != dimension())
      fail(Failure::usage, "the components of a mixture have dimensions {} and {}", dimension(),
           component.law.dimension());
    total += component.weight;
  }
  for (MixtureComponent& component : components_) component.weight /= total;
}

namespace {

// Log weight plus log density of every component at x.
Eigen::ArrayXd mixture_log_terms(std::span<const MixtureComponent> components, const double* x, const Marginal& m) {
  Eigen::ArrayXd terms(static_cast<Index>(components.size()));
  for (Index k = 0; k < terms.size(); ++k) {
    const MixtureComponent& component = components[count_of(k)];
    terms[k] = std::log(component.weight) + component.law.log_density(x, m);
  }
  return terms;
}

}  // namespace

Batch MixtureScore::operator()(const Batch& x, const Times& t) const {
  require_rows(x, t, dimension());
  Batch result = Batch::Zero(x.rows(), x.cols()), part(1, x.cols());
  for (Index i = 0; i < x.rows(); ++i) {
    const Marginal m = sde_.marginal(t[i]);
    Eigen::ArrayXd share = mixture_log_terms(components_, &x(i, 0), m);
    normalise_log_weights(share);
    for (Index k = 0; k < share.size(); ++k) {
      components_[count_of(k)].law.score(&x(i, 0), m, part.data());
      result.row(i) += share[k] * part.row(0);
    }
  }
  return result;
}

// The Jacobian is symmetric: sum_k r_k (-P_k + (s_k - s)(s_k - s)^T), P_k the precisions.
Batch MixtureScore::vjp(const Batch& x, const Times& t, const Batch& v) const {
  require_rows(v, t, dimension());
  const Batch score = (*this)(x, t);
  Batch result = Batch::Zero(x.rows(), x.cols()), part(1, x.cols());
  for (Index i = 0; i < x.rows(); ++i) {
    const Marginal m = sde_.marginal(t[i]);
    Eigen::ArrayXd share = mixture_log_terms(components_, &x(i, 0), m);
    normalise_log_weights(share);
    for (Index k = 0; k < share.size(); ++k) {
      const Gaussian& law = components_[count_of(k)].law;
      law.precision_times(&v(i, 0), m, part.data());
      result.row(i) -= share[k] * part.row(0);
      law.score(&x(i, 0), m, part.data());
      part -= score.row(i);
      result.row(i) += share[k] * ordered_dot(part.data(), &v(i, 0), count_of(x.cols())) * part.row(0);
    }
  }
  return result;
}

Times MixtureScore::log_density(const Batch& x, const Times& t) const {
  require_rows(x, t, dimension());
  Times result(x.rows());
  for (Index i = 0; i < x.rows(); ++i) {
    Eigen::ArrayXd terms = mixture_log_terms(components_, &x(i, 0), sde_.marginal(t[i]));
    result[i] = normalise_log_weights(terms);
  }
  return result;
}

EmpiricalScore::EmpiricalScore(const Sde& sde, Batch data) : sde_(sde), data_(std::move(data)) {
  if (data_.rows() < 1 || data_.cols() < 1) fail(Failure::usage, "an empirical score needs at least one row of data");
}

namespace {

// The posterior of the data row that x came from: weights of sum 1, and log sum exp(-|x - alpha x_i|^2 / (2 sigma^2)).
struct RowPosterior {
  Eigen::ArrayXd share;
  double log_total;
};

RowPosterior row_posterior(const Batch& data, const double* x, const Marginal& m) {
  RowPosterior result{Eigen::ArrayXd(data.rows()), 0};
  const Eigen::Map<const Eigen::ArrayXd> point(x, data.cols());
  Eigen::ArrayXd difference(data.cols());
  for (Index k = 0; k < data.rows(); ++k) {
    difference = (point - m.alpha * data.row(k).transpose()) / m.sigma;
    result.share[k] = -0.5 * ordered_dot(difference.data(), difference.data(), count_of(data.cols()));
  }
  result.log_total = normalise_log_weights(result.share);
  return result;
}

Eigen::ArrayXd posterior_mean(const Batch& data, const Eigen::ArrayXd& share) {
  Eigen::ArrayXd mean = Eigen::ArrayXd::Zero(data.cols());
  for (Index k = 0; k < data.rows(); ++k)
    if (share[k] > 0) mean += share[k] * data.row(k).transpose();
  return mean;
}

}  // namespace

Batch EmpiricalScore::operator()(const Batch& x, const Times& t) const {
  require_rows(x, t, dimension());
  Batch result(x.rows(), x.cols());
  for (Index i = 0; i < x.rows(); ++i) {
    const Marginal m = sde_.marginal(t[i]);
    const Eigen::ArrayXd mean = posterior_mean(data_, row_posterior(data_, &x(i, 0), m).share);
    result.row(i) = (m.alpha * mean.transpose() - x.row(i)) / (m.sigma * m.sigma);
  }
  return result;
}

// The Jacobian is symmetric: -I / sigma^2 + alpha^2 / sigma^4 Cov[x_0 | x].
Batch EmpiricalScore::vjp(const Batch& x, const Times& t, const Batch& v) const {
  require_rows(x, t, dimension());
  require_rows(v, t, dimension());
  Batch result(x.rows(), x.cols());
  Eigen::ArrayXd difference(data_.cols()), spread(data_.cols());
  for (Index i = 0; i < x.rows(); ++i) {
    const Marginal m = sde_.marginal(t[i]);
    const Eigen::ArrayXd share = row_posterior(data_, &x(i, 0), m).share;
    const Eigen::ArrayXd mean = posterior_mean(data_, share);
    spread.setZero();
    for (Index k = 0; k < data_.rows(); ++k) {
      if (!(share[k] > 0)) continue;
      difference = (data_.row(k).transpose() - mean) * (m.alpha / m.sigma);
      spread += share[k] * ordered_dot(difference.data(), &v(i, 0), count_of(data_.cols())) * difference;
    }
    result.row(i) = (spread.transpose() - v.row(i)) / (m.sigma * m.sigma);
  }
  return result;
}

Times EmpiricalScore::log_density(const Batch& x, const Times& t) const {
  require_rows(x, t, dimension());
  Times result(x.rows());
  const double dimensions = static_cast<double>(dimension());
  for (Index i = 0; i < x.rows(); ++i) {
    const Marginal m = sde_.marginal(t[i]);
    result[i] = row_posterior(data_, &x(i, 0), m).log_total - std::log(static_cast<double>(data_.rows())) -
                0.5 * dimensions * std::log(2 * std::numbers::pi * m.sigma * m.sigma);
  }
  return result;
}

}  // namespace scoresde
