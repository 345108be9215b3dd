#include "verify/fokker_planck.h"

#include <cmath>
#include <vector>

namespace scoresde {
namespace {

/// The flux through a face, left p_left - right p_right.
struct FaceFlux {
  double left, right;
};

// u / (1 - e^(-u w / d)) and that less u, with their limits for no diffusion (upwind) and no drift.
FaceFlux fitted_flux(double u, double diffusivity, double width) {
  const double peclet = u * width / diffusivity;  // infinite or NaN where there is no diffusion
  if (std::abs(peclet) < 1e-10) return {diffusivity / width + 0.5 * u, diffusivity / width - 0.5 * u};
  if (!(std::abs(peclet) < 700)) return {std::max(u, 0.0), std::max(-u, 0.0)};
  return {u / -std::expm1(-peclet), u / std::expm1(peclet)};
}

// Solves (I + h A) q = p, A the difference of fluxes over the width: diagonally dominant by columns with no positive
// number off the diagonal, so q >= 0 where p >= 0.
void implicit_step(const std::vector<FaceFlux>& flux, double ratio, Times& p) {
  const Index n = p.size();
  const auto face = [&](Index i) { return flux[static_cast<std::size_t>(i)]; };
  Times upper(n);
  double pivot = 0;
  for (Index i = 0; i < n; ++i) {
    const double above = i + 1 < n ? ratio * face(i).right : 0, below = i > 0 ? ratio * face(i - 1).left : 0;
    const double diagonal = 1 + (i + 1 < n ? ratio * face(i).left : 0) + (i > 0 ? ratio * face(i - 1).right : 0);
    if (i == 0) {
      pivot = diagonal;
    } else {
      pivot = diagonal - below * upper[i - 1];
      p[i] += below * p[i - 1];
    }
    upper[i] = above / pivot;
    p[i] /= pivot;
  }
  for (Index i = n - 2; i >= 0; --i) p[i] += upper[i] * p[i + 1];
}

}  // namespace

Times LineCells::centres() const { return Times::LinSpaced(count, low + 0.5 * width(), high - 0.5 * width()); }

Times LineCells::faces() const { return Times::LinSpaced(count - 1, low + width(), high - width()); }

Times fokker_planck(const LineProcess& process, const LineCells& cells, Times density, std::span<const double> times) {
  const Times faces = cells.faces();
  std::vector<FaceFlux> flux(static_cast<std::size_t>(faces.size()));
  for (std::size_t k = 1; k < times.size(); ++k) {
    const Times velocity = process.velocity(faces, times[k]);
    const double diffusivity = 0.5 * process.variance_rate(times[k]);
    for (Index i = 0; i < faces.size(); ++i)
      flux[static_cast<std::size_t>(i)] = fitted_flux(velocity[i], diffusivity, cells.width());
    implicit_step(flux, std::abs(times[k] - times[k - 1]) / cells.width(), density);
  }
  return density;
}

}  // namespace scoresde
