#include "sampler/multistep.h"

#include <array>
#include <cmath>

namespace scoresde {
namespace {

// Gauss-Legendre on [-1, 1], 16 points, the positive half.
constexpr std::array<double, 8> kGaussPoints = {0.0950125098376374, 0.2816035507792589, 0.4580167776572274,
                                                0.6178762444026438, 0.7554044083550030, 0.8656312023878318,
                                                0.9445750230732326, 0.9894009349916499};
constexpr std::array<double, 8> kGaussWeights = {0.1894506104550685, 0.1826034150449236, 0.1691565193950025,
                                                 0.1495959888165767, 0.1246289712555339, 0.0951585116824928,
                                                 0.0622535239386479, 0.0271524594117541};

double abscissa_of(const Sde& sde, Abscissa abscissa, double log_snr) {
  switch (abscissa) {
    case Abscissa::time:
      return sde.time_at(log_snr);
    case Abscissa::noise_to_signal:
      return std::exp(-log_snr);
    default:
      return log_snr;
  }
}

double lagrange(const std::vector<double>& nodes, std::size_t j, double u) {
  double product = 1;
  for (std::size_t k = 0; k < nodes.size(); ++k)
    if (k != j) product *= (u - nodes[k]) / (nodes[j] - nodes[k]);
  return product;
}

// The places of earlier estimates in steps of equal length: 0, -1, -2 ...
std::vector<double> equal_nodes(std::size_t count) {
  std::vector<double> nodes;
  for (std::size_t j = 0; j < count; ++j) nodes.push_back(-static_cast<double>(j));
  return nodes;
}

std::vector<double> line_weights(LineWeights line, double total, double slope_total, double place) {
  const double second = 0.5 / place * (line == LineWeights::half_total ? total : slope_total);
  return {total - second, second};
}

}  // namespace

Batch estimate_at(const ReverseProcess& p, Estimate estimate, const Batch& x, double t) {
  const Times times = times_of(x.rows(), t);
  if (estimate == Estimate::data) return scoresde::denoise(p.sde, p.score, x, times);
  return -p.sde.marginal(t).sigma * p.score(x, times);
}

ExponentialStep exponential_step(const Sde& sde, Estimate estimate, double eta, double t, double s) {
  const Marginal from = sde.marginal(t), to = sde.marginal(s);
  const double h = sde.log_snr(s) - sde.log_snr(t), square = eta * eta;
  if (estimate == Estimate::noise)
    return {to.alpha / from.alpha, to.sigma, -(1 + square) * std::expm1(h),
            eta == 0 ? 0 : to.sigma * eta * std::sqrt(std::expm1(2 * h))};
  return {to.sigma / from.sigma * std::exp(-square * h), to.alpha, -std::expm1(-(1 + square) * h),
          eta == 0 ? 0 : to.sigma * std::sqrt(-std::expm1(-2 * square * h))};
}

std::vector<double> multistep_weights(const Sde& sde, const Interpolation& i, const std::vector<double>& times,
                                      double s) {
  const double from = sde.log_snr(times.front()), to = sde.log_snr(s), h = to - from;
  const double total = exponential_step(sde, i.estimate, i.eta, times.front(), s).total;
  if (times.size() == 1) return {total};
  const double rate = 1 + i.eta * i.eta;
  if (times.size() == 2 && i.line != LineWeights::exact)
    return line_weights(i.line, total, i.estimate == Estimate::data ? rate * h : -rate * h,
                        (sde.log_snr(times[1]) - from) / h);
  const bool by_index = i.abscissa == Abscissa::index;
  std::vector<double> nodes = by_index ? equal_nodes(times.size()) : std::vector<double>{};
  if (!by_index)
    for (const double t : times) nodes.push_back(abscissa_of(sde, i.abscissa, sde.log_snr(t)));
  std::vector<double> weights(times.size(), 0.0);
  double sum = 0;
  for (std::size_t k = 0; k < 2 * kGaussPoints.size(); ++k) {
    const double place = 0.5 * (1 + (k % 2 == 0 ? 1 : -1) * kGaussPoints[k / 2]), log_snr = from + place * h;
    const double kernel = by_index                       ? 1
                          : i.estimate == Estimate::data ? std::exp(rate * (log_snr - to))
                                                         : std::exp(to - log_snr);
    const double share = kGaussWeights[k / 2] * kernel, u = by_index ? place : abscissa_of(sde, i.abscissa, log_snr);
    sum += share;
    for (std::size_t j = 0; j < nodes.size(); ++j) weights[j] += share * lagrange(nodes, j, u);
  }
  for (double& weight : weights) weight *= total / sum;
  return weights;
}

Multistep::Multistep(const MultistepMethod& method, const SolverOptions& options)
    : method_(method), eta_min_(options.eta_min), eta_max_(options.eta_max) {
  if (options.eta >= 0) method_.interpolation.eta = options.eta;
  if (options.order > 0) method_.adams = options.order;
  if (options.unipc_b == "bh1") method_.interpolation.line = LineWeights::half_step;
}

void Multistep::begin(std::span<const double>) {
  times_.clear();
  estimates_.clear();
}

Interpolation Multistep::for_step(const Sde& sde, double t) const {
  Interpolation result = method_.interpolation;
  const double rho = std::exp(-sde.log_snr(t));
  if (!(rho >= eta_min_ && rho <= eta_max_)) result.eta = 0;
  return result;
}

/// x is the step times_[1] -> times_[0] as predicted, estimates_[0] was made from it: what the step with that estimate
/// would have given, with the same noise. A difference of weights, so that what a corrector of another kind has moved
/// meanwhile is kept.
void Multistep::correct(const Sde& sde, Batch& x) const {
  const std::size_t known = estimates_.size() - 1;
  std::vector<double> nodes(times_.begin() + 1, times_.end());
  const Interpolation interpolation = for_step(sde, times_[1]);
  const double gain = exponential_step(sde, interpolation.estimate, interpolation.eta, times_[1], times_[0]).gain;
  std::vector<double> predicted = multistep_weights(sde, interpolation, nodes, times_[0]);
  nodes.push_back(times_[0]);
  const std::vector<double> corrected = multistep_weights(sde, interpolation, nodes, times_[0]);
  for (std::size_t j = 0; j < known; ++j) x += (gain * (corrected[j] - predicted[j])) * estimates_[j + 1];
  x += (gain * corrected.back()) * estimates_[0];
}

Batch Multistep::step(const ReverseProcess& p, const Batch& x, const Interval& i) {
  const auto adams = static_cast<std::size_t>(method_.adams);
  times_.insert(times_.begin(), i.t);
  estimates_.push_front(estimate_at(p, method_.interpolation.estimate, x, i.t));
  Batch y = x;
  if (method_.corrects && times_.size() > 1) correct(p.sde, y);
  if (times_.size() > adams) {
    times_.pop_back();
    estimates_.pop_back();
  }
  const Interpolation interpolation = for_step(p.sde, i.t);
  const ExponentialStep step = exponential_step(p.sde, interpolation.estimate, interpolation.eta, i.t, i.s);
  const std::vector<double> weights = multistep_weights(p.sde, interpolation, times_, i.s);
  y *= step.keep;
  for (std::size_t j = 0; j < weights.size(); ++j) y += (step.gain * weights[j]) * estimates_[j];
  if (step.noise > 0) y += step.noise * p.noise.normal(Purpose::diffusion, i);
  return y;
}

}  // namespace scoresde
