#include "objective/directions.h"

#include <cmath>

#include "objective/noise_levels.h"

namespace scoresde {
namespace {

at::Tensor gaussian_direction(const at::Tensor& z) { return z; }

// Of z, not of its sign function: sign(0) is 0, and though no draw of the project's noise is 0, a given z may be.
at::Tensor rademacher_direction(const at::Tensor& z) { return z.ge(0).to(z.scalar_type()) * 2 - 1; }

at::Tensor sphere_direction(const at::Tensor& z) {
  const at::Tensor flat = z.flatten(1);
  const at::Tensor length = (flat.square().sum(1, /*keepdim=*/true) / static_cast<double>(flat.size(1))).sqrt();
  return (flat / length).reshape(z.sizes());
}

constexpr DirectionEntry direction_table[] = {
    {"gaussian", "N(0, I)", gaussian_direction},
    {"rademacher", "+1 or -1 in every coordinate: the least variance of v^T J v", rademacher_direction},
    {"sphere", "uniform on the sphere of radius sqrt(D)", sphere_direction},
};

}  // namespace

std::span<const DirectionEntry> directions() { return direction_table; }

}  // namespace scoresde
