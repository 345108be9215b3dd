#include "metrics/frechet.h"

#include <Eigen/Cholesky>
#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "metrics/estimate.h"

namespace scoresde {

Moments::Moments(Index dimension)
    : mean_(Eigen::VectorXd::Zero(dimension)), scatter_(Eigen::MatrixXd::Zero(dimension, dimension)) {}

Moments::Moments(Index count, Eigen::VectorXd mean, const Eigen::MatrixXd& covariance)
    : count_(count), mean_(std::move(mean)), scatter_(covariance * static_cast<double>(count - 1)) {}

void Moments::add(const Batch& rows) {
  if (rows.rows() == 0) return;
  Moments part(rows.cols());
  part.count_ = rows.rows();
  part.mean_ = rows.matrix().colwise().mean().transpose();
  const Eigen::MatrixXd centred = rows.matrix().rowwise() - part.mean_.transpose();
  part.scatter_.noalias() = centred.transpose() * centred;
  add(part);
}

void Moments::add(const Moments& other) {
  if (other.count_ == 0) return;
  const auto n = static_cast<double>(count_), m = static_cast<double>(other.count_);
  const Eigen::VectorXd step = other.mean_ - mean_;
  scatter_ += other.scatter_ + step * step.transpose() * (n * m / (n + m));
  mean_ += step * (m / (n + m));
  count_ += other.count_;
}

double frechet_distance(const Moments& a, const Moments& b) {
  if (a.dimension() != b.dimension())
    fail(Failure::usage, "a Frechet distance of {} against {} features has no meaning", a.dimension(), b.dimension());
  if (a.count() < 2 || b.count() < 2) fail(Failure::usage, "a covariance needs at least 2 rows");
  const Eigen::MatrixXd first = a.covariance(), second = b.covariance();
  const Eigen::LDLT<Eigen::MatrixXd> factors(first);  // pivoted: fewer rows than features are no trouble
  Eigen::MatrixXd root = factors.matrixL();
  root *= factors.vectorD().cwiseMax(0).cwiseSqrt().asDiagonal();
  root = factors.transpositionsP().transpose() * root;
  const Eigen::MatrixXd product = root.transpose() * second * root;
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> eigen(product, Eigen::EigenvaluesOnly);
  return (a.mean() - b.mean()).squaredNorm() + first.trace() + second.trace() -
         2 * eigen.eigenvalues().cwiseMax(0).cwiseSqrt().sum();
}

GroupedMoments::GroupedMoments(Index dimension, Index rows) : rows_(rows), groups_(kMetricGroups, Moments(dimension)) {}

GroupedMoments::GroupedMoments(const Batch& all) : GroupedMoments(all.cols(), all.rows()) { add(all); }

void GroupedMoments::add(const Batch& rows) {
  for (Index first = 0; first < rows.rows();) {
    const Index group = group_of(filled_, rows_);
    Index end = first;
    for (; end < rows.rows() && group_of(filled_, rows_) == group; ++end) ++filled_;
    groups_[static_cast<std::size_t>(group)].add(rows.middleRows(first, end - first));
    first = end;
  }
}

Moments GroupedMoments::sum(Index first, Index end, Index left_out) const {
  Moments result(groups_.front().dimension());
  for (Index g = first; g < end; ++g)
    if (g != left_out) result.add(groups_[static_cast<std::size_t>(g)]);
  return result;
}

Moments GroupedMoments::total() const { return sum(0, kMetricGroups, -1); }

namespace {

Times for_every_group_left_out(const std::function<double(Index)>& of) {
  Times values(kMetricGroups + 1);
  for (Index g = 0; g < kMetricGroups; ++g) values[g] = of(g);
  values[kMetricGroups] = of(-1);
  return values;
}

// The intercept of the least-squares line through distances of 1, 2 and 4 disjoint parts over 1 / rows of a part.
double intercept(const GroupedMoments& a, const GroupedMoments& b, Index left_out) {
  double n = 0, x = 0, y = 0, xx = 0, xy = 0;
  for (const Index parts : {1, 2, 4}) {
    double inverse = 0, distance = 0;
    for (Index k = 0; k < parts; ++k) {
      const Index first = k * kMetricGroups / parts, end = (k + 1) * kMetricGroups / parts;
      const Moments p = a.sum(first, end, left_out), q = b.sum(first, end, left_out);
      inverse += 1 / static_cast<double>(p.count() * parts);
      distance += frechet_distance(p, q) / static_cast<double>(parts);
    }
    ++n, x += inverse, y += distance, xx += inverse * inverse, xy += inverse * distance;
  }
  return (xx * y - x * xy) / (n * xx - x * x);
}

MetricValue estimate_of(const Times& values) {
  return jackknife([&](Index g) { return values[g < 0 ? kMetricGroups : g]; });
}

}  // namespace

Times frechet_distances(const GroupedMoments& a, const GroupedMoments& b) {
  return for_every_group_left_out(
      [&](Index g) { return frechet_distance(a.sum(0, kMetricGroups, g), b.sum(0, kMetricGroups, g)); });
}

Times frechet_distances(const GroupedMoments& a, const Moments& b) {
  return for_every_group_left_out([&](Index g) { return frechet_distance(a.sum(0, kMetricGroups, g), b); });
}

Times frechet_limits(const GroupedMoments& a, const GroupedMoments& b) {
  return for_every_group_left_out([&](Index g) { return intercept(a, b, g); });
}

MetricValue fd_of_moments(const GroupedMoments& a, const GroupedMoments& b) {
  return estimate_of(frechet_distances(a, b));
}
MetricValue fd_infinity_of_moments(const GroupedMoments& a, const GroupedMoments& b) {
  return estimate_of(frechet_limits(a, b));
}
MetricValue measure_fd(const TwoSamples& pair) {
  return fd_of_moments(GroupedMoments(pair.samples), GroupedMoments(pair.reference));
}
MetricValue measure_fd_infinity(const TwoSamples& pair) {
  return fd_infinity_of_moments(GroupedMoments(pair.samples), GroupedMoments(pair.reference));
}

}  // namespace scoresde
