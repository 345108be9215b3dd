#include "inverse/operator.h"

#include <Eigen/Eigenvalues>
#include <algorithm>

#include "core/catalog.h"
#include "inverse/solve.h"
#include "inverse/spectrum.h"

namespace scoresde {

Vector Operator::adjoint(const Vector&) const {
  fail(Failure::usage, "this measurement is not linear, so it has no adjoint");
}

Vector Operator::vjp(const Vector&, const Vector& v) const { return adjoint(v); }

Vector Operator::baseline(const Vector& y, double) const { return pseudo_inverse(*this, y); }

ItemShape Operator::measured_shape() const { return {static_cast<int>(outputs()), 1, 1, false}; }

Batch Operator::operator()(const Batch& x) const {
  Batch y(x.rows(), outputs());
  for (Index i = 0; i < x.rows(); ++i) y.row(i) = apply(x.row(i).transpose().matrix()).transpose().array();
  return y;
}

CallableOperator::CallableOperator(Index inputs, Index outputs, Function apply, Function adjoint)
    : inputs_(inputs), outputs_(outputs), apply_(std::move(apply)), adjoint_(std::move(adjoint)) {
  if (inputs < 1 || outputs < 1 || !apply_ || !adjoint_)
    fail(Failure::usage, "an operator needs at least one input and output, a function and its adjoint");
}

CallableOperator CallableOperator::nonlinear(Index inputs, Index outputs, Function apply, Vjp vjp) {
  if (inputs < 1 || outputs < 1 || !apply || !vjp)
    fail(Failure::usage, "an operator needs at least one input and output, a function and its J^T v");
  CallableOperator op(inputs, outputs);
  op.apply_ = std::move(apply);
  op.vjp_ = std::move(vjp);
  return op;
}

namespace {

/// An operator that hands everything to another one unless a member says otherwise.
class WrappedOperator : public Operator {
 public:
  explicit WrappedOperator(std::shared_ptr<const Operator> base) : base_(std::move(base)) {}
  Index inputs() const override { return base_->inputs(); }
  Index outputs() const override { return base_->outputs(); }
  bool linear() const override { return base_->linear(); }
  Vector apply(const Vector& x) const override { return base_->apply(x); }
  Vector adjoint(const Vector& y) const override { return base_->adjoint(y); }
  Vector vjp(const Vector& x, const Vector& v) const override { return base_->vjp(x, v); }
  std::shared_ptr<const Spectrum> spectrum() const override { return base_->spectrum(); }
  Vector baseline(const Vector& y, double sigma) const override { return base_->baseline(y, sigma); }
  ItemShape measured_shape() const override { return base_->measured_shape(); }

 protected:
  std::shared_ptr<const Operator> base_;
};

class SpectralOperator : public WrappedOperator {
 public:
  SpectralOperator(std::shared_ptr<const Operator> base, std::shared_ptr<const Spectrum> spectrum)
      : WrappedOperator(std::move(base)), spectrum_(std::move(spectrum)) {}
  std::shared_ptr<const Spectrum> spectrum() const override { return spectrum_; }

 private:
  std::shared_ptr<const Spectrum> spectrum_;
};

class ModelUnits : public WrappedOperator {
 public:
  ModelUnits(std::shared_ptr<const Operator> base, Eigen::ArrayXd scale, Eigen::ArrayXd shift)
      : WrappedOperator(std::move(base)), scale_(std::move(scale)), shift_(std::move(shift)) {
    if (scale_.size() != inputs() || shift_.size() != inputs() || !(scale_ != 0).all())
      fail(Failure::usage, "an operator on {} values needs as many scales (none of them 0) and shifts", inputs());
    if (linear() && (scale_ == scale_[0]).all())
      if (auto own = base_->spectrum()) spectrum_ = scaled_spectrum(std::move(own), std::abs(scale_[0]));
  }

  Vector apply(const Vector& x) const override {
    return base_->apply(linear() ? (scale_ * x.array()).matrix() : data_of(x));
  }
  Vector adjoint(const Vector& y) const override { return (scale_ * base_->adjoint(y).array()).matrix(); }
  Vector vjp(const Vector& x, const Vector& v) const override {
    return (scale_ * base_->vjp(linear() ? x : data_of(x), v).array()).matrix();
  }
  std::shared_ptr<const Spectrum> spectrum() const override { return spectrum_; }

 private:
  Vector data_of(const Vector& x) const { return (scale_ * x.array() + shift_).matrix(); }

  Eigen::ArrayXd scale_, shift_;
  std::shared_ptr<const Spectrum> spectrum_;
};

class WeightedOperator : public WrappedOperator {
 public:
  WeightedOperator(std::shared_ptr<const Operator> base, Eigen::ArrayXd weights)
      : WrappedOperator(std::move(base)), weights_(std::move(weights)) {
    if (weights_.size() != outputs() || !(weights_ > 0).all())
      fail(Failure::usage, "{} measured values need as many weights above 0", outputs());
    if (linear() && (weights_ == weights_[0]).all())
      if (auto own = base_->spectrum()) spectrum_ = scaled_spectrum(std::move(own), weights_[0]);
  }

  Vector apply(const Vector& x) const override { return (weights_ * base_->apply(x).array()).matrix(); }
  Vector adjoint(const Vector& y) const override { return base_->adjoint((weights_ * y.array()).matrix()); }
  Vector vjp(const Vector& x, const Vector& v) const override { return base_->vjp(x, (weights_ * v.array()).matrix()); }
  std::shared_ptr<const Spectrum> spectrum() const override { return spectrum_; }

 private:
  Eigen::ArrayXd weights_;
  std::shared_ptr<const Spectrum> spectrum_;
};

}  // namespace

Eigen::MatrixXd dense_matrix(const Operator& op) {
  Eigen::MatrixXd matrix(op.outputs(), op.inputs());
  Vector unit = Vector::Zero(op.inputs());
  for (Index j = 0; j < op.inputs(); ++j) {
    unit[j] = 1;
    matrix.col(j) = op.apply(unit);
    unit[j] = 0;
  }
  return matrix;
}

std::shared_ptr<const Operator> with_spectrum(std::shared_ptr<const Operator> op, Index most) {
  if (!op->linear()) fail(Failure::usage, "a measurement that is not linear has no singular values");
  if (op->spectrum()) return op;
  if (op->inputs() > most)
    fail(Failure::usage,
         "the singular values of this measurement of {} values are not known; up to {} they are computed", op->inputs(),
         most);
  const Eigen::MatrixXd matrix = dense_matrix(*op);
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> eigen(matrix.transpose() * matrix);
  auto spectrum = dense_spectrum(eigen.eigenvectors(), eigen.eigenvalues().array().max(0.0).sqrt());
  return std::make_shared<SpectralOperator>(std::move(op), std::move(spectrum));
}

std::shared_ptr<const Operator> in_model_units(std::shared_ptr<const Operator> op, Eigen::ArrayXd scale,
                                               Eigen::ArrayXd shift) {
  return std::make_shared<ModelUnits>(std::move(op), std::move(scale), std::move(shift));
}

std::shared_ptr<const Operator> weighted(std::shared_ptr<const Operator> op, Eigen::ArrayXd weights) {
  return std::make_shared<WeightedOperator>(std::move(op), std::move(weights));
}

namespace {

bool has_word(std::string_view text, std::string_view word) {
  const std::vector<std::string> words = split(text, ' ');
  return std::find(words.begin(), words.end(), word) != words.end();
}

void refuse_unread(const OperatorEntry& entry, const OperatorOptions& options) {
  const Json defaults = to_json(OperatorOptions{}), settings = to_json(options);
  for (const auto& [setting, value] : settings.items()) {
    if (value == defaults[setting] || has_word(entry.reads, setting)) continue;
    std::vector<std::string_view> readers;
    for (const OperatorEntry& other : operators())
      if (has_word(other.reads, setting)) readers.push_back(other.name);
    fail(Failure::usage, "{} = {}: operator {} does not read it; {} {}", setting, shown(value), entry.name,
         join(readers), readers.size() == 1 ? "does" : "do");
  }
}

void check_inputs(const OperatorEntry& entry, const OperatorInputs& inputs) {
  const auto check = [&](std::string_view name, bool given) {
    const bool needed = has_word(entry.inputs, name),
               taken = needed || has_word(entry.inputs, fmt::format("[{}]", name));
    if (given && !taken) fail(Failure::usage, "operator {} takes no {}", entry.name, name);
    if (!given && needed) fail(Failure::usage, "operator {} needs a {}", entry.name, name);
  };
  check("mask", inputs.mask.size() > 0);
  check("matrix", inputs.matrix.size() > 0);
  check("maps", inputs.maps.size() > 0);
}

}  // namespace

std::shared_ptr<const Operator> make_operator(std::string_view name, const ItemShape& shape,
                                              const OperatorOptions& options, const OperatorInputs& inputs) {
  const OperatorEntry& entry = find_entry("operator", operators(), name);
  refuse_unread(entry, options);
  check_inputs(entry, inputs);
  return entry.make(shape, options, inputs);
}

}  // namespace scoresde
