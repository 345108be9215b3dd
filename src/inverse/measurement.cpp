#include "inverse/measurement.h"

#include <cmath>

#include "core/noise.h"
#include "core/sum.h"

namespace scoresde {

void check_noise(const MeasurementNoise& noise) {
  if (!(noise.sigma >= 0) || !std::isfinite(noise.sigma))
    fail(Failure::usage, "the noise's standard deviation must be at least 0, not {}", noise.sigma);
  if (!(noise.peak >= 0) || !std::isfinite(noise.peak))
    fail(Failure::usage, "the counts of Poisson noise must be above 0, not {}", noise.peak);
  if (noise.sigma > 0 && noise.peak > 0) fail(Failure::usage, "noise is Gaussian or Poisson, not both");
}

namespace {

/// A sum of independent counts of mean 30 at most, each by inversion of one uniform number.
double poisson_count(double mean, NoiseAddress address) {
  constexpr double most = 30;
  const auto parts = static_cast<std::size_t>(std::max(1.0, std::ceil(mean / most)));
  std::vector<double> u(parts);
  fill_uniform(address, u);
  const double each = mean / static_cast<double>(parts);
  double total = 0;
  for (const double target : u) {
    double mass = std::exp(-each), below = mass;
    int count = 0;
    while (below < target && count < 1000) {
      mass *= each / ++count;
      below += mass;
    }
    total += count;
  }
  return total;
}

void add_noise(Eigen::Ref<Eigen::Array<double, 1, Eigen::Dynamic>> y, const MeasurementNoise& noise,
               NoiseAddress address) {
  if (!noise.poisson()) {
    Eigen::ArrayXd z(y.size());
    fill_normal(address, std::span(z.data(), static_cast<std::size_t>(z.size())));
    y += noise.sigma * z.transpose();
    return;
  }
  for (Index j = 0; j < y.size(); ++j) {
    if (y[j] < 0) fail(Failure::data, "Poisson counts need a mean of at least 0; measured value {} has {}", j, y[j]);
    address.step = static_cast<std::uint32_t>(j);
    y[j] = poisson_count(noise.peak * y[j], address) / noise.peak;
  }
}

}  // namespace

Batch simulate(const Operator& op, const Batch& x, const MeasurementNoise& noise, std::uint64_t seed,
               std::span<const std::uint64_t> ids) {
  check_noise(noise);
  Batch y = op(x);
  for (Index i = 0; i < y.rows(); ++i)
    add_noise(y.row(i), noise,
              {.seed = seed, .purpose = Purpose::measurement, .sample = ids[static_cast<std::size_t>(i)], .draw = 1});
  return y;
}

DataUnits DataUnits::of_pictures(Index size) {
  return {Eigen::ArrayXd::Constant(size, 0.5), Eigen::ArrayXd::Constant(size, 0.5)};
}

Measurement in_model_units(std::shared_ptr<const Operator> op, const Batch& y, const MeasurementNoise& noise,
                           const DataUnits& units) {
  check_noise(noise);
  if (y.cols() != op->outputs())
    fail(Failure::data, "{} values were measured, but the operator gives {}", y.cols(), op->outputs());
  for (Index i = 0; i < y.size(); ++i)
    if (!std::isfinite(y.data()[i]))
      fail(Failure::data, "measured value {} is {}, not a finite number", i % y.cols(), y.data()[i]);
  Measurement result{in_model_units(op, units.scale, units.shift), y, noise.sigma};
  if (op->linear()) result.y.rowwise() -= op->apply(units.shift.matrix()).transpose().array();
  if (!noise.poisson()) return result;
  if (y.rows() != 1) fail(Failure::usage, "Poisson noise is of one measurement at a time");
  const Eigen::ArrayXd counts = (noise.peak * y.row(0)).transpose();
  const Eigen::ArrayXd weights = noise.peak / counts.max(1.0).sqrt();
  result.op = weighted(result.op, weights);
  result.y.rowwise() *= weights.transpose();
  result.sigma = 1;
  return result;
}

Times residual_chi_square(const Measurement& m, const Batch& x) {
  const Batch residual = m.y - (*m.op)(x);
  if (m.sigma > 0) return row_dot(residual, residual) / (m.sigma * m.sigma * static_cast<double>(m.y.cols()));
  return row_dot(residual, residual) / row_dot(m.y, m.y).max(1e-300);
}

}  // namespace scoresde
