#include "sde/discrete.h"

#include <algorithm>
#include <cmath>

namespace scoresde {
namespace {

double interpolated(double first, double last, int i, int count) {
  if (count == 1) return first;
  return i == count - 1 ? last : first + i * ((last - first) / (count - 1));
}

double squared(double x) { return x * x; }

double ddpm_beta(double first, double last, int i, int count) {
  const double beta = interpolated(first / count, last / count, i, count);
  if (!(beta > 0 && beta < 1))
    fail(Failure::usage,
         "the {} steps of a DDPM table must each have beta below 1, not {}: take more than beta_max steps", count,
         beta);
  return beta;
}

double smld_sigma(double first, double last, int i, int count) {
  return std::exp(interpolated(std::log(first), std::log(last), i, count));
}

void require_count(int count, int least) {
  if (count < least) fail(Failure::usage, "a table of noise levels needs at least {} entries, not {}", least, count);
}

void require_name(const Sde& sde, std::string_view table, std::initializer_list<std::string_view> names) {
  if (std::find(names.begin(), names.end(), sde.name()) == names.end())
    fail(Failure::usage, "{} tables belong to sde {}, not to {}", table, *names.begin(), sde.name());
}

// Parameters of the reference's classes, read from the coefficients they define: dt = t_max / N is the step.
struct BetaRange {
  double first, last;
};

BetaRange beta_range(const Sde& sde) {
  require_name(sde, "DDPM", {"vp", "sub-vp"});
  return {-2 * sde.drift(0) * sde.t_max(), -2 * sde.drift(sde.t_max()) * sde.t_max()};
}

}  // namespace

std::vector<double> smld_sigmas(double sigma_min, double sigma_max, int count) {
  require_count(count, 1);
  if (!(sigma_min > 0 && sigma_min < sigma_max))
    fail(Failure::usage, "an SMLD table needs 0 < sigma_min < sigma_max, not {} and {}", sigma_min, sigma_max);
  std::vector<double> sigmas;
  for (int i = 0; i < count; ++i) sigmas.push_back(smld_sigma(sigma_min, sigma_max, i, count));
  return sigmas;
}

DdpmTable ddpm_table(double beta_min, double beta_max, int count) {
  require_count(count, 2);
  DdpmTable table;
  double product = 1, log_product = 0;
  for (int i = 0; i < count; ++i) {
    const double beta = ddpm_beta(beta_min, beta_max, i, count);
    product *= 1 - beta;
    log_product += std::log1p(-beta);
    table.beta.push_back(beta);
    table.alpha.push_back(1 - beta);
    table.alpha_product.push_back(product);
    table.scale.push_back(std::sqrt(product));
    table.noise.push_back(std::sqrt(-std::expm1(log_product)));
  }
  return table;
}

std::vector<double> smld_sigmas(const Sde& sde, int count) {
  require_name(sde, "SMLD", {"ve"});
  return smld_sigmas(sde.marginal(0).sigma, sde.marginal(sde.t_max()).sigma, count);
}

DdpmTable ddpm_table(const Sde& sde, int count) {
  const BetaRange beta = beta_range(sde);
  return ddpm_table(beta.first, beta.last, count);
}

int table_index(double t, double t_max, int count, IndexRule rule) {
  require_count(count, 1);
  const double place = t * (count - 1) / t_max;
  const double index = rule == IndexRule::truncated ? std::trunc(place) : std::nearbyint(place);
  return static_cast<int>(std::clamp(index, 0.0, count - 1.0));
}

DiscreteStep reference_step(const Sde& sde, double t, int count, IndexRule rule) {
  require_count(count, 1);
  if (sde.name() == "vp") {
    const BetaRange range = beta_range(sde);
    const double beta = ddpm_beta(range.first, range.last, table_index(t, sde.t_max(), count, rule), count);
    return {-beta / (1 + std::sqrt(1 - beta)), std::sqrt(beta)};  // sqrt(1 - beta) - 1 without cancellation
  }
  if (sde.name() == "ve") {
    const int i = table_index(t, sde.t_max(), count, rule);
    const double first = sde.marginal(0).sigma, last = sde.marginal(sde.t_max()).sigma;
    const double below = i > 0 ? smld_sigma(first, last, i - 1, count) : 0;
    return {0, std::sqrt(squared(smld_sigma(first, last, i, count)) - squared(below))};
  }
  const double dt = sde.t_max() / count;
  return {sde.drift(t) * dt, sde.diffusion(t) * std::sqrt(dt)};
}

ReverseStep reference_reverse_step(const Sde& sde, double t, int count, bool probability_flow, IndexRule rule) {
  const DiscreteStep step = reference_step(sde, t, count, rule);
  const double variance = squared(step.diffusion);
  return {-step.drift, probability_flow ? 0.5 * variance : variance, probability_flow ? 0 : step.diffusion};
}

}  // namespace scoresde
