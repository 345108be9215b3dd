#pragma once
#include "core/noise.h"
#include "inverse/method.h"
#include "inverse/solve.h"

namespace scoresde {

// The makers of the table of methods; method_catalog.cpp says what each is.
using MethodMaker = std::unique_ptr<RestorationSolver>(const Measurement&, const MethodOptions&);
MethodMaker make_projection, make_repaint, make_mcg, make_dps, make_pigdm, make_moment_matching, make_ddrm,
    make_diffpir, make_red_diff, make_langevin_data, make_split_gibbs, make_exact_posterior;

/// A method with its measurement.
class MeasuredSolver : public RestorationSolver {
 public:
  MeasuredSolver(const Measurement& measurement, const MethodOptions& options) : m_(measurement), options_(options) {}

 protected:
  const Operator& op() const { return *m_.op; }

  /// of(row of x, row of y, number) for every row.
  template <class Of>
  Batch each_row(const Batch& x, const Of& of) const {
    Batch result(x.rows(), x.cols());
    for (Index i = 0; i < x.rows(); ++i)
      result.row(i) = Vector(of(Vector(x.row(i).transpose()), Vector(m_.y.row(i).transpose()), i)).transpose().array();
    return result;
  }

  Measurement m_;
  MethodOptions options_;
};

/// x_s of x_t and the data x_0 behind it: alpha_s x_0 + sqrt(sigma_s^2 - v) (x_t - alpha_t x_0) / sigma_t + sqrt(v) z,
/// v = eta^2 times the variance of x_s given x_t and x_0. eta = 1 is ancestral sampling, 0 DDIM (Song et al. 2021b, eq.
/// 12, for every linear SDE).
Batch ancestral_step(const Sde& sde, const Batch& x, const Batch& x0, const Interval& interval, double eta,
                     const Batch& z);

/// The known values in the coordinates of the operator's singular vectors, for methods that impose them.
class KnownValues {
 public:
  explicit KnownValues(const Measurement& measurement);

  /// x with its measured coefficients moved by `weight` towards alpha c + noise, c those of the measurement, at a level
  /// (alpha, sigma): the noise z is one of N(0, I), in these coordinates. A coefficient that is measured with more
  /// noise than the level has is moved by the inverse share of variances only.
  Batch impose(const Batch& x, const Marginal& level, const Batch& z, double weight) const;

  /// x with its measured coefficients alpha c and without noise.
  const Spectrum& spectrum() const { return *spectrum_; }

  /// U^T y / s in these coordinates, 0 where nothing is measured.
  const Batch& coefficients() const { return coefficients_; }

  /// Deviations sigma_y / s of these; 0 where nothing is measured.
  const Eigen::ArrayXd& deviations() const { return deviations_; }

  bool seen(Index i) const { return spectrum_->singular_values()[i] > 0; }

 private:
  std::shared_ptr<const Spectrum> spectrum_;
  Batch coefficients_;
  Eigen::ArrayXd deviations_;
};

/// x_0 with the gradient of the fit |y - A x_0|^2 / 2 of every row, and the residuals' lengths. Two evaluations.
struct FitGradient {
  Batch x0, gradient;
  Times distance;
};
FitGradient fit_gradient(const ReverseProcess& process, const Measurement& measurement, const Batch& x, double t);

}  // namespace scoresde
