#include <cmath>

#include "core/noise.h"
#include "inverse/members.h"
#include "inverse/spectrum.h"

namespace scoresde {
namespace {

using RowMajorMatrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

Index kept_of(Index values, double keep) {
  return std::max<Index>(1, std::llround(keep * static_cast<double>(values)));
}

class DenseOperator : public Operator {
 public:
  explicit DenseOperator(RowMajorMatrix matrix) : matrix_(std::move(matrix)) {}
  Index inputs() const override { return matrix_.cols(); }
  Index outputs() const override { return matrix_.rows(); }
  Vector apply(const Vector& x) const override { return matrix_ * x; }
  Vector adjoint(const Vector& y) const override { return matrix_.transpose() * y; }

 private:
  RowMajorMatrix matrix_;
};

/// Signs and order at random, then Walsh-Hadamard transforms of the largest powers of two that fill the length: an
/// orthogonal matrix for every length.
class MixedHadamard : public Spectrum {
 public:
  MixedHadamard(Eigen::ArrayXd seen, long long seed) : Spectrum(std::move(seen)) {
    const auto n = static_cast<std::size_t>(singular_values_.size());
    const auto key = static_cast<std::uint64_t>(seed);
    order_ = permutation(key, Purpose::measurement, 1, static_cast<std::uint32_t>(n));
    signs_.resize(n);
    fill_uniform({.seed = key, .purpose = Purpose::measurement, .step = 2}, signs_);
    for (double& sign : signs_) sign = sign < 0.5 ? -1 : 1;
  }

  Vector analyse(const Vector& x) const override {
    Vector c(x.size());
    for (std::size_t i = 0; i < order_.size(); ++i) c.data()[i] = signs_[i] * x.data()[order_[i]];
    transform(c);
    return c;
  }

  Vector synthesise(const Vector& c) const override {
    Vector mixed = c, x(c.size());
    transform(mixed);
    for (std::size_t i = 0; i < order_.size(); ++i) x.data()[order_[i]] = signs_[i] * mixed.data()[i];
    return x;
  }

 private:
  static void transform(Vector& values) {
    double* block = values.data();
    for (Index rest = values.size(); rest > 0;) {
      Index size = 1;
      while (2 * size <= rest) size *= 2;
      for (Index half = 1; half < size; half *= 2)
        for (Index i = 0; i < size; i += 2 * half)
          for (Index j = i; j < i + half; ++j) {
            const double a = block[j], b = block[j + half];
            block[j] = a + b;
            block[j + half] = a - b;
          }
      const double scale = 1 / std::sqrt(static_cast<double>(size));
      for (Index i = 0; i < size; ++i) block[i] *= scale;
      block += size;
      rest -= size;
    }
  }

  std::vector<std::uint32_t> order_;
  std::vector<double> signs_;
};

class HadamardOperator : public Operator {
 public:
  HadamardOperator(Index inputs, const OperatorOptions& options)
      : places_(random_choice(inputs, kept_of(inputs, options.keep), options.seed)) {
    Eigen::ArrayXd seen = Eigen::ArrayXd::Zero(inputs);
    for (Index place : places_) seen[place] = 1;
    spectrum_ = std::make_shared<MixedHadamard>(std::move(seen), options.seed);
  }

  Index inputs() const override { return spectrum_->singular_values().size(); }
  Index outputs() const override { return static_cast<Index>(places_.size()); }
  std::shared_ptr<const Spectrum> spectrum() const override { return spectrum_; }
  Vector apply(const Vector& x) const override { return spectrum_->analyse(x)(places_); }
  Vector adjoint(const Vector& y) const override {
    Vector c = Vector::Zero(inputs());
    c(places_) = y;
    return spectrum_->synthesise(c);
  }

 private:
  std::vector<Index> places_;
  std::shared_ptr<const Spectrum> spectrum_;
};

class SparseOperator : public Operator {
 public:
  explicit SparseOperator(Eigen::SparseMatrix<double> matrix) : matrix_(std::move(matrix)) {}
  Index inputs() const override { return matrix_.cols(); }
  Index outputs() const override { return matrix_.rows(); }
  Vector apply(const Vector& x) const override { return matrix_ * x; }
  Vector adjoint(const Vector& y) const override { return matrix_.transpose() * y; }

 private:
  Eigen::SparseMatrix<double> matrix_;
};

}  // namespace

std::unique_ptr<Operator> make_compressed(const ItemShape& shape, const OperatorOptions& options,
                                          const OperatorInputs&) {
  constexpr Index most = 16384;
  if (shape.size() > most)
    fail(Failure::usage, "operator compressed is a full matrix, for up to {} values, not {}; hadamard needs none", most,
         shape.size());
  RowMajorMatrix matrix(kept_of(shape.size(), options.keep), shape.size());
  fill_normal({.seed = static_cast<std::uint64_t>(options.seed), .purpose = Purpose::measurement},
              std::span(matrix.data(), static_cast<std::size_t>(matrix.size())));
  matrix /= std::sqrt(static_cast<double>(matrix.rows()));
  return std::make_unique<DenseOperator>(std::move(matrix));
}

std::unique_ptr<Operator> make_hadamard(const ItemShape& shape, const OperatorOptions& options, const OperatorInputs&) {
  return std::make_unique<HadamardOperator>(shape.size(), options);
}

std::unique_ptr<Operator> make_matrix(const ItemShape& shape, const OperatorOptions&, const OperatorInputs& inputs) {
  const auto& matrix = inputs.matrix;
  if (matrix.cols() != shape.size())
    fail(Failure::data, "the matrix has {} columns, but a sample of {} has {} values", matrix.cols(), to_text(shape),
         shape.size());
  double largest = 0;
  for (Index k = 0; k < matrix.outerSize(); ++k)
    for (Eigen::SparseMatrix<double>::InnerIterator it(matrix, k); it; ++it) {
      if (!std::isfinite(it.value()))
        fail(Failure::data, "the matrix's value in row {}, column {} is not a finite number", it.row(), it.col());
      largest = std::max(largest, std::abs(it.value()));
    }
  if (!(largest > 0)) fail(Failure::data, "the matrix is zero: nothing is measured");
  return std::make_unique<SparseOperator>(matrix);
}

}  // namespace scoresde
