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
    case Abscissa::log_snr:
      break;
  }
  return log_snr;
}

double lagrange(const std::vector<double>& nodes, std::size_t j, double u) {
  double product = 1;
  for (std::size_t k = 0; k < nodes.size(); ++k)
    if (k != j) product *= (u - nodes[k]) / (nodes[j] - nodes[k]);
  return product;
}

}  // namespace

std::vector<double> multistep_weights(const Sde& sde, Estimate estimate, Abscissa abscissa,
                                      const std::vector<double>& times, double s) {
  const double from = sde.log_snr(times.front()), to = sde.log_snr(s), h = to - from;
  const double exact_sum = estimate == Estimate::data ? -std::expm1(-h) : -std::expm1(h);
  std::vector<double> weights(times.size(), 0.0);
  if (times.size() == 1) return {exact_sum};
  std::vector<double> nodes;
  for (const double t : times) nodes.push_back(abscissa_of(sde, abscissa, sde.log_snr(t)));
  double sum = 0;
  for (std::size_t i = 0; i < 2 * kGaussPoints.size(); ++i) {
    const double side = i % 2 == 0 ? 1 : -1;
    const double log_snr = from + 0.5 * h * (1 + side * kGaussPoints[i / 2]);
    const double kernel = estimate == Estimate::data ? std::exp(log_snr - to) : -std::exp(to - log_snr);
    const double share = 0.5 * h * kGaussWeights[i / 2] * kernel, u = abscissa_of(sde, abscissa, log_snr);
    sum += share;
    for (std::size_t j = 0; j < nodes.size(); ++j) weights[j] += share * lagrange(nodes, j, u);
  }
  for (double& weight : weights) weight *= exact_sum / sum;
  return weights;
}

void Multistep::begin(std::span<const double>) {
  times_.clear();
  estimates_.clear();
}

Batch Multistep::step(const ReverseProcess& p, const Batch& x, const Interval& i) {
  const Marginal from = p.sde.marginal(i.t), to = p.sde.marginal(i.s);
  const Times t = times_of(x.rows(), i.t);
  times_.insert(times_.begin(), i.t);
  if (estimate_ == Estimate::data)
    estimates_.push_front(scoresde::denoise(p.sde, p.score, x, t));
  else
    estimates_.push_front(-from.sigma * p.score(x, t));
  if (times_.size() > order_) {
    times_.pop_back();
    estimates_.pop_back();
  }
  const std::vector<double> weights = multistep_weights(p.sde, estimate_, abscissa_, times_, i.s);
  const bool data = estimate_ == Estimate::data;
  Batch y = (data ? to.sigma / from.sigma : to.alpha / from.alpha) * x;
  for (std::size_t j = 0; j < weights.size(); ++j) y += ((data ? to.alpha : to.sigma) * weights[j]) * estimates_[j];
  return y;
}

}  // namespace scoresde
