#include "verify/line_density.h"

#include <algorithm>
#include <cmath>

namespace scoresde {
namespace {

// Walls where no law between the two ends has more than 2e-9 outside.
LineCells cells_for(const Sde& sde, double clean, double noisy, Index count) {
  double reach = 0;
  for (const double t : {clean, noisy}) {
    const Marginal m = sde.marginal(t);
    for (const MixtureComponent& c : verification_mixture())
      reach = std::max(reach, m.alpha * std::abs(c.law.mean()[0]) +
                                  6 * std::hypot(m.alpha * std::sqrt(c.law.covariance()(0, 0)), m.sigma));
  }
  return {-reach, reach, count};
}

}  // namespace

LineDensity::LineDensity(std::string_view sde, Index cells)
    : sde_(verification_sde(sde)),
      score_(*sde_, verification_mixture()),
      clean_(sde_->time_at(std::log(5.0))),
      noisy_(sde_->time_at(0)) {
  cells_ = cells_for(*sde_, clean_, noisy_, cells);
}

Times LineDensity::exact(double t) const {
  const LineLaw law(*sde_, verification_mixture(), t);
  Times means(cells_.count);
  for (Index i = 0; i < cells_.count; ++i) {
    const double left = cells_.low + cells_.width() * static_cast<double>(i), right = left + cells_.width();
    means[i] = (left > 0 ? law.above(left) - law.above(right) : law.below(right) - law.below(left)) / cells_.width();
  }
  return means;
}

double LineDensity::time_at(double share) const {
  return sde_->time_at((1 - share) * sde_->log_snr(clean_) + share * sde_->log_snr(noisy_));
}

// Steps as the square of the cells: both errors then fall alike.
std::vector<double> LineDensity::times_between(double t, double s) const {
  const double from = sde_->log_snr(t), to = sde_->log_snr(s);
  const double all = std::abs(sde_->log_snr(clean_) - sde_->log_snr(noisy_));
  const double cells = static_cast<double>(cells_.count);
  const int steps = std::max(1, static_cast<int>(std::ceil(0.025 * cells * cells * std::abs(to - from) / all)));
  std::vector<double> times;
  for (int k = 0; k <= steps; ++k) times.push_back(sde_->time_at(from + (to - from) * k / steps));
  times.front() = t;
  times.back() = s;
  return times;
}

Times LineDensity::forward() const {
  const LineProcess process{[&](const Times& x, double t) -> Times { return sde_->drift(t) * x; },
                            [&](double t) { return std::pow(sde_->diffusion(t), 2); }};
  return fokker_planck(process, cells_, exact(clean_), times_between(clean_, noisy_));
}

std::vector<Times> LineDensity::reverse(double eta, const std::vector<double>& times) const {
  const LineProcess process{[&](const Times& x, double t) -> Times {
                              const Batch column = x;
                              return -reverse_drift(*sde_, score_, column, times_of(x.size(), t), eta).col(0);
                            },
                            [&](double t) { return std::pow(eta * sde_->diffusion(t), 2); }};
  std::vector<Times> densities;
  Times density = exact(noisy_);
  double at = noisy_;
  for (const double t : times) {
    if (t < at) density = fokker_planck(process, cells_, density, times_between(at, t));
    at = t;
    densities.push_back(density);
  }
  return densities;
}

double LineDensity::distance(const Times& p, const Times& q) const { return (p - q).abs().sum() * cells_.width(); }

}  // namespace scoresde
