#include "core/catalog.h"

#include <cmath>

#include "sde/sde.h"

namespace scoresde {

std::unique_ptr<Sde> make_ve(const SdeConfig&);
std::unique_ptr<Sde> make_vp(const SdeConfig&);
std::unique_ptr<Sde> make_sub_vp(const SdeConfig&);
std::unique_ptr<Sde> make_ou(const SdeConfig&);
std::unique_ptr<Sde> make_edm(const SdeConfig&);
std::unique_ptr<Sde> make_cosine(const SdeConfig&);
std::unique_ptr<Sde> make_rectified(const SdeConfig&);
std::unique_ptr<Sde> make_table(const SdeConfig&);

namespace {

constexpr SdeEntry sde_table[] = {
    {"ve", "variance exploding: sigma grows geometrically from sigma_min to sigma_max (Song et al. 2021, eq. 9)",
     make_ve},
    {"vp", "variance preserving: beta(t) linear, the DDPM limit (Song et al. 2021, eq. 11)", make_vp},
    {"sub-vp", "vp's drift with less noise: better likelihoods (Song et al. 2021, eq. 12)", make_sub_vp},
    {"ou", "Ornstein-Uhlenbeck: dX = -beta X dt + sigma dW", make_ou},
    {"edm", "sigma = t on [sigma_min, sigma_max] (Karras et al. 2022)", make_edm},
    {"cosine", "variance preserving with the cosine schedule (Nichol & Dhariwal 2021, eq. 17)", make_cosine},
    {"rectified", "alpha = 1 - t, sigma = t: the path of rectified flow as a diffusion", make_rectified},
    {"table", "alpha and sigma from a CSV file of your own (sde.table)", make_table},
};

void check_sde_parameters(const SdeConfig& config) {
  for_each_setting(config, [](const std::string& name, const Json& value, std::string_view, Range range) {
    if (value.is_number()) detail::check_range("sde." + name, value.get<double>(), range);
  });
}

// Whatever the parameters were: an SDE has alpha, sigma > 0, finite coefficients and a falling signal-to-noise ratio.
void check_sde(const Sde& sde) {
  const double low = sde.t_min(), high = sde.t_max();
  for (double t : {low, sde.t_end(), high}) {
    const Marginal m = sde.marginal(t);
    if (!std::isnormal(m.alpha) || !std::isnormal(m.sigma) || m.alpha < 0 || m.sigma < 0 ||
        !std::isfinite(sde.drift(t)) || !std::isfinite(sde.diffusion(t)))
      fail(Failure::usage, "sde {}: these parameters give alpha = {}, sigma = {} at t = {}; both must be above 0",
           sde.name(), m.alpha, m.sigma, t);
  }
  if (!(sde.log_snr(low) > sde.log_snr(high)))
    fail(Failure::usage, "sde {}: these parameters add no noise between t = {} and t = {}", sde.name(), low, high);
}

}  // namespace

std::span<const SdeEntry> sdes() { return sde_table; }

std::unique_ptr<Sde> make_sde(const SdeConfig& config) {
  const SdeEntry& entry = find_entry("sde", sdes(), config.name);
  check_sde_parameters(config);
  std::unique_ptr<Sde> sde = entry.make(config);
  check_sde(*sde);
  return sde;
}

}  // namespace scoresde
