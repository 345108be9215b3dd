#include <Eigen/Eigenvalues>

#include "core/digest.h"
#include "core/noise.h"
#include "features/features.h"
#include "metrics/frechet.h"

namespace scoresde {
namespace {

constexpr Index kComponents = 64;
constexpr std::size_t kMostBasisItems = 5000;

class PixelFeatures : public FeatureSpace {
 public:
  explicit PixelFeatures(Index dimension) : dimension_(dimension) {}
  Batch operator()(const Batch& items) const override { return items; }
  Index dimension() const override { return dimension_; }

 private:
  Index dimension_;
};

class LinearFeatures : public FeatureSpace {
 public:
  LinearFeatures(Eigen::RowVectorXd mean, Eigen::MatrixXd map) : mean_(std::move(mean)), map_(std::move(map)) {}

  Batch operator()(const Batch& items) const override {
    Batch result(items.rows(), map_.cols());
    for (Index i = 0; i < items.rows(); ++i)  // row by row: a product of matrices sums in an order of their sizes
      result.row(i) = ((items.row(i).matrix() - mean_) * map_).array();
    return result;
  }
  Index dimension() const override { return map_.cols(); }

 private:
  Eigen::RowVectorXd mean_;
  Eigen::MatrixXd map_;
};

/// At most kMostBasisItems items chosen at random, always the same.
Batch basis_items(const Dataset& data) {
  auto order = permutation(0, Purpose::subset, 0, static_cast<std::uint32_t>(data.count));
  order.resize(std::min(order.size(), kMostBasisItems));
  return data.batch(order);
}

}  // namespace

Features make_pixel_features(const FeatureRequest& request) {
  return {std::make_unique<PixelFeatures>(request.real.shape.size()), {"pixels", to_text(request.real.shape), "none"}};
}

/// Components whose variance is below 1e-6 of the first are left out: they are constant pixels and rounding.
Features make_pca_features(const FeatureRequest& request) {
  Moments moments(request.real.shape.size());
  moments.add(basis_items(request.real));
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> eigen(moments.covariance());
  const Eigen::VectorXd variances = eigen.eigenvalues().reverse();
  Index kept = 0;
  while (kept < std::min(kComponents, variances.size()) && variances[kept] > 1e-6 * variances[0]) ++kept;
  if (kept == 0) fail(Failure::data, "features pca: the items of {} are all the same", request.real.name);
  const Eigen::MatrixXd map = eigen.eigenvectors().rowwise().reverse().leftCols(kept) *
                              variances.head(kept).cwiseSqrt().cwiseInverse().asDiagonal();
  Digest digest;
  digest.add(std::span(reinterpret_cast<const std::uint8_t*>(map.data()),
                       static_cast<std::size_t>(map.size()) * sizeof(double)));
  return {std::make_unique<LinearFeatures>(moments.mean().transpose(), map), {"pca", digest.hex(), "none"}};
}

}  // namespace scoresde
