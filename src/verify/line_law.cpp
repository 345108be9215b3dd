#include "verify/line_law.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/error.h"
#include "core/noise.h"
#include "ode/ode.h"

namespace scoresde {

LineLaw::LineLaw(const Sde& sde, std::vector<MixtureComponent> components, double t) {
  const Marginal m = sde.marginal(t);
  double total = 0;
  for (const MixtureComponent& component : components) {
    if (component.law.dimension() != 1)
      fail(Failure::usage, "a law on the line was given a component of dimension {}", component.law.dimension());
    total += component.weight;
  }
  for (const MixtureComponent& component : components)
    parts_.push_back({component.weight / total, m.alpha * component.law.mean()[0],
                      std::hypot(m.alpha * std::sqrt(component.law.covariance()(0, 0)), m.sigma)});
}

double LineLaw::below(double x) const {
  double sum = 0;
  for (const Part& part : parts_)
    sum += part.weight * 0.5 * std::erfc((part.mean - x) / (part.deviation * std::numbers::sqrt2));
  return sum;
}

double LineLaw::above(double x) const {
  double sum = 0;
  for (const Part& part : parts_)
    sum += part.weight * 0.5 * std::erfc((x - part.mean) / (part.deviation * std::numbers::sqrt2));
  return sum;
}

double LineLaw::density(double x) const {
  double sum = 0;
  for (const Part& part : parts_) {
    const double z = (x - part.mean) / part.deviation;
    sum += part.weight * std::exp(-0.5 * z * z) / (part.deviation * std::sqrt(2 * std::numbers::pi));
  }
  return sum;
}

// Bisection on the smaller tail down to neighbouring numbers.
double LineLaw::transport(double x, const LineLaw& other) const {
  const bool lower = other.below(x) < 0.5;
  const double tail = lower ? other.below(x) : other.above(x);
  double low = parts_[0].mean, high = low;
  for (const Part& part : parts_) {
    low = std::min(low, part.mean - 38 * part.deviation);
    high = std::max(high, part.mean + 38 * part.deviation);
  }
  for (;;) {
    const double middle = 0.5 * (low + high);
    if (middle <= low || middle >= high) return middle;
    (lower ? below(middle) < tail : above(middle) > tail) ? low = middle : high = middle;
  }
}

double LineLaw::kolmogorov(const Batch& sample) const {
  std::vector<double> x(sample.data(), sample.data() + sample.size());
  if (!sample.isFinite().all()) return std::nan("");
  std::sort(x.begin(), x.end());
  const double n = static_cast<double>(x.size());
  double largest = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double exact = below(x[i]), rank = static_cast<double>(i);
    largest = std::max({largest, (rank + 1) / n - exact, exact - rank / n});
  }
  return std::sqrt(n) * largest;
}

Batch fine_flow(const Sde& sde, const Score& score, const Batch& x, double t, double s) {
  const Velocity velocity = [&](const Batch& y, const Times& times, std::span<const Index>) {
    return flow_velocity(sde, score, y, times);
  };
  const OdeResult result = integrate_rk45(velocity, x, t, s, {.rtol = 1e-12, .atol = 1e-12, .most_steps = 200000});
  for (const bool converged : result.converged)
    if (!converged) fail(Failure::numerical, "the flow from {} to {} did not reach tolerance 1e-12", t, s);
  return result.x;
}

std::unique_ptr<Sde> verification_sde(std::string_view name) {
  SdeConfig config;
  config.name = name;
  if (name == "table") {
    config.table = "t,alpha,sigma\n";
    for (int i = 0; i <= 300; ++i) {
      const double t = 1e-3 * std::pow(1.4e3, i / 300.0);
      config.table += fmt::format("{},{},{}\n", t, std::cos(t), std::sin(t));
    }
  }
  return make_sde(config);
}

std::vector<MixtureComponent> verification_gaussian() {
  return {{1, Gaussian(Eigen::ArrayXd::Constant(1, 0.3), 0.25)}};
}

std::vector<MixtureComponent> verification_mixture() {
  return {{0.4, Gaussian(Eigen::ArrayXd::Constant(1, -0.6), 0.04)},
          {0.6, Gaussian(Eigen::ArrayXd::Constant(1, 0.5), 0.09)}};
}

Batch draw_at(const Sde& sde, const std::vector<MixtureComponent>& components, double t, Index rows,
              std::uint64_t seed) {
  const Marginal m = sde.marginal(t);
  Batch x = draw_rows(components, rows, seed), z(x.rows(), x.cols());
  for (Index i = 0; i < rows; ++i)
    fill_normal({.seed = seed, .purpose = Purpose::perturbation, .sample = static_cast<std::uint64_t>(i)},
                std::span(&z(i, 0), static_cast<std::size_t>(z.cols())));
  return m.alpha * x + m.sigma * z;
}

}  // namespace scoresde
