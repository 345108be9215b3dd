#pragma once
#include <Eigen/SparseCore>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/batch.h"
#include "core/config.h"
#include "core/item_shape.h"

namespace scoresde {

/// One sample, or what was measured of it, as a column.
using Vector = Eigen::VectorXd;

/// The right singular vectors of a linear operator A = U diag(s) V^T that has a fast transform: V^T x are the
/// coefficients of x, one singular value each, 0 where A does not see it. U is never needed: U^T y = V^T A^T y / s.
class Spectrum {
 public:
  explicit Spectrum(Eigen::ArrayXd singular_values) : singular_values_(std::move(singular_values)) {}
  virtual ~Spectrum() = default;

  virtual Vector analyse(const Vector& x) const = 0;     ///< V^T x
  virtual Vector synthesise(const Vector& c) const = 0;  ///< V c

  /// One a coefficient, >= 0; what is below 1e-7 of the largest is given as 0.
  const Eigen::ArrayXd& singular_values() const { return singular_values_; }

 protected:
  Eigen::ArrayXd singular_values_;
};

/// What a sensor makes of a sample: y = A(x), before noise. Everything is for one row; a member of the table is
/// immutable, so threads may share it.
class Operator {
 public:
  virtual ~Operator() = default;

  virtual Index inputs() const = 0;   ///< values of x
  virtual Index outputs() const = 0;  ///< values of y
  virtual bool linear() const { return true; }

  virtual Vector apply(const Vector& x) const = 0;

  /// A^T y. Error{usage} where A is not linear.
  virtual Vector adjoint(const Vector& y) const;

  /// J^T v with J = dA/dx at x; A^T v where A is linear.
  virtual Vector vjp(const Vector& x, const Vector& v) const;

  /// Null where none with a fast transform is known; with_spectrum() makes one for small samples.
  virtual std::shared_ptr<const Spectrum> spectrum() const { return nullptr; }

  /// The classical reconstruction to compare with (filtered back-projection, zero filling, bicubic interpolation) from
  /// y with noise of deviation `sigma`, in the units of the data; by default the pseudo-inverse.
  virtual Vector baseline(const Vector& y, double sigma) const;

  /// The form in which y can be looked at: size() == outputs(), image where it is one.
  virtual ItemShape measured_shape() const;

  /// A(x) of every row.
  Batch operator()(const Batch& x) const;
};

/// Settings of all operators; each reads its own, and one that is set and not read is an error.
struct OperatorOptions {
  int factor = 4, angles = 30, detectors = 0, coils = 1, hole = 0, oversampling = 2;
  std::vector<int> box;
  double keep = 0.25, angle_range = 180, acceleration = 4, centre = 0.08, width = 1.5, length = 9, direction = 45;
  double gain = 2;
  long long seed = 0;

  static constexpr auto fields() {
    return std::tuple{
        field("factor", &OperatorOptions::factor, "how many times smaller, along each side", {2, 64}),
        field("angles", &OperatorOptions::angles, "number of projections", {0, 100000}),
        field("angle_range", &OperatorOptions::angle_range, "degrees over which they are spread; 180 is all", {1, 360}),
        field("detectors", &OperatorOptions::detectors, "bins of a projection, one pixel wide; 0: the diagonal",
              {0, 100000}),
        field("acceleration", &OperatorOptions::acceleration, "one line of this many is measured", {1, 1000}),
        field("centre", &OperatorOptions::centre, "share of the lines, in the middle, that are all measured", {0, 1}),
        field("coils", &OperatorOptions::coils, "receiver coils with sensitivities of their own", {1, 64}),
        field("keep", &OperatorOptions::keep, "share of values that are measured", {1e-6, 1}),
        field("hole", &OperatorOptions::hole, "side of the square that is missing in the middle; 0: half the picture",
              {0, 65536}),
        field("box", &OperatorOptions::box, "what is missing, in pixels: [left, top, width, height]"),
        field("width", &OperatorOptions::width, "standard deviation of the blur in pixels", {0.05, 1000}),
        field("length", &OperatorOptions::length, "length of the motion in pixels", {1, 1000}),
        field("direction", &OperatorOptions::direction, "of the motion, degrees anticlockwise from the right",
              {-360, 360}),
        field("gain", &OperatorOptions::gain, "exposure before the values are clipped at white", {1, 1000}),
        field("oversampling", &OperatorOptions::oversampling, "size of the padded picture over the picture", {1, 8}),
        field("seed", &OperatorOptions::seed, "of masks and matrices drawn at random", {0, 9e15})};
  }
};

/// What an operator is made of that comes from files; empty where there is none.
struct OperatorInputs {
  Eigen::ArrayXd mask;                 ///< one value a pixel or a sample's value: 1 is seen, 0 is missing
  Eigen::SparseMatrix<double> matrix;  ///< values seen x values of a sample
  Batch maps;                          ///< sensitivities: coils x (2 height width), real parts before imaginary ones
};

/// A row of the table of operators. `make` is Error{usage} for options that do not fit, Error{data} for inputs that do
/// not, and sentences say why.
struct OperatorEntry {
  std::string_view name, summary;
  std::string_view reads;   ///< the settings it reads, separated by spaces
  std::string_view inputs;  ///< mask, matrix, maps; in brackets where it can do without
  bool linear = true;
  bool selects = false;  ///< y are some of the sample's own values, so a damaged picture is the measurement
  std::unique_ptr<Operator> (*make)(const ItemShape&, const OperatorOptions&, const OperatorInputs&);
};
std::span<const OperatorEntry> operators();

/// The operator of that name for samples of this shape, in the units of the data. Error{usage} for an unknown name, a
/// setting or an input that it does not read, an input that is missing.
std::shared_ptr<const Operator> make_operator(std::string_view name, const ItemShape& shape,
                                              const OperatorOptions& options = {}, const OperatorInputs& inputs = {});

/// An operator of two functions of the caller's, for what the table does not have.
class CallableOperator : public Operator {
 public:
  using Function = std::function<Vector(const Vector&)>;

  /// Linear, with its adjoint.
  CallableOperator(Index inputs, Index outputs, Function apply, Function adjoint);

  /// Not linear: vjp(x, v) = J(x)^T v.
  using Vjp = std::function<Vector(const Vector&, const Vector&)>;
  static CallableOperator nonlinear(Index inputs, Index outputs, Function apply, Vjp vjp);

  Index inputs() const override { return inputs_; }
  Index outputs() const override { return outputs_; }
  bool linear() const override { return adjoint_ != nullptr; }
  Vector apply(const Vector& x) const override { return apply_(x); }
  Vector adjoint(const Vector& y) const override { return linear() ? adjoint_(y) : Operator::adjoint(y); }
  Vector vjp(const Vector& x, const Vector& v) const override { return linear() ? adjoint_(v) : vjp_(x, v); }

 private:
  CallableOperator(Index inputs, Index outputs) : inputs_(inputs), outputs_(outputs) {}

  Index inputs_, outputs_;
  Function apply_, adjoint_;
  Vjp vjp_;
};

/// The operator with a dense spectrum where it has none of its own: by an eigendecomposition of A^T A, O(inputs^3).
/// Error{usage} where it is not linear or has more than `most` inputs.
std::shared_ptr<const Operator> with_spectrum(std::shared_ptr<const Operator> op, Index most = 1024);

/// x -> A(scale x + shift) - (A linear: A(shift)), value by value: an operator on rows in model units. Equal scales
/// keep the spectrum.
std::shared_ptr<const Operator> in_model_units(std::shared_ptr<const Operator> op, Eigen::ArrayXd scale,
                                               Eigen::ArrayXd shift);

/// diag(weights) A: measurements divided by their deviations have noise N(0, I).
std::shared_ptr<const Operator> weighted(std::shared_ptr<const Operator> op, Eigen::ArrayXd weights);

/// A as a matrix, outputs x inputs, column by column.
Eigen::MatrixXd dense_matrix(const Operator& op);

}  // namespace scoresde
