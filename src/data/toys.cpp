#include <array>
#include <cmath>
#include <numbers>

#include "core/catalog.h"
#include "core/noise.h"
#include "data/formats.h"

namespace scoresde {
namespace {

using std::numbers::pi;

/// What one point is made of: three uniform and two normal numbers of its own.
struct ToyNoise {
  double u[3];
  double z[2];
  int choice(int n) const { return static_cast<int>(u[0] * n); }
};

struct ToyPoint {
  double x, y;
  int label;
};

/// A distribution in the plane. Its mean and deviation are those of the law, not of the drawn points: two sets of the
/// same toy have the same model units.
struct Toy {
  std::string_view name;
  int classes;
  std::array<double, 2> mean, variance;
  ToyPoint (*point)(const ToyNoise&);
};

/// Half circles (cos a, sin a) and (1 - cos a, 1/2 - sin a), a ~ U(0, pi), plus N(0, 0.05^2).
ToyPoint moons_point(const ToyNoise& n) {
  const int half = n.choice(2);
  const double a = pi * n.u[1];
  const double x = half ? 1 - std::cos(a) : std::cos(a), y = half ? 0.5 - std::sin(a) : std::sin(a);
  return {x + 0.05 * n.z[0], y + 0.05 * n.z[1], half};
}

/// Uniform on the cells of [-4, 4]^2, 2 x 2 each, whose column and row number have an even sum.
ToyPoint checkerboard_point(const ToyNoise& n) {
  const int cell = n.choice(8), column = cell / 2, row = 2 * (cell % 2) + column % 2;
  return {-4 + 2 * (column + n.u[1]), -4 + 2 * (row + n.u[2]), 0};
}

/// (a cos a, a sin a), a ~ U(1.5 pi, 4.5 pi), plus N(0, 0.5^2).
ToyPoint swiss_roll_point(const ToyNoise& n) {
  const double a = pi * (1.5 + 3 * n.u[1]);
  return {a * std::cos(a) + 0.5 * n.z[0], a * std::sin(a) + 0.5 * n.z[1], 0};
}

/// Circles of radius 1, 2, 3, 4, equally likely, plus N(0, 0.1^2).
ToyPoint rings_point(const ToyNoise& n) {
  const int ring = n.choice(4);
  const double a = 2 * pi * n.u[1];
  return {(ring + 1) * std::cos(a) + 0.1 * n.z[0], (ring + 1) * std::sin(a) + 0.1 * n.z[1], ring};
}

/// N(m_k, 0.5^2 I), m_k = 4 (cos k pi/4, sin k pi/4), equally likely.
ToyPoint eight_gaussians_point(const ToyNoise& n) {
  const int k = n.choice(8);
  return {4 * std::cos(k * pi / 4) + 0.5 * n.z[0], 4 * std::sin(k * pi / 4) + 0.5 * n.z[1], k};
}

/// Johnson et al. (2016): 2 R(2 pi k / 5 + exp(r) / 4) (r, w) with r ~ N(1, 0.3^2), w ~ N(0, 0.1^2), R a rotation.
ToyPoint pinwheel_point(const ToyNoise& n) {
  const int k = n.choice(5);
  const double r = 1 + 0.3 * n.z[0], w = 0.1 * n.z[1], a = 2 * pi * k / 5 + 0.25 * std::exp(r);
  return {2 * (r * std::cos(a) - w * std::sin(a)), 2 * (r * std::sin(a) + w * std::cos(a)), k};
}

const Toy kToys[] = {
    {"moons", 2, {0.5, 0.25}, {0.75 + 0.0025, 0.5625 - 1 / pi + 0.0025}, moons_point},
    {"checkerboard", 0, {0, 0}, {16.0 / 3, 16.0 / 3}, checkerboard_point},
    {"swiss-roll",
     0,
     {2, 2 / (3 * pi)},
     {4.875 * pi * pi - 0.25 - 4 + 0.25, 4.875 * pi* pi + 0.25 - 4 / (9 * pi * pi) + 0.25},
     swiss_roll_point},
    {"rings", 4, {0, 0}, {3.75 + 0.01, 3.75 + 0.01}, rings_point},
    {"eight-gaussians", 8, {0, 0}, {8.25, 8.25}, eight_gaussians_point},
    {"pinwheel", 5, {0, 0}, {2.2, 2.2}, pinwheel_point},
};

}  // namespace

Dataset load_toy(std::string_view name, Split split, const LoadOptions& options) {
  const Toy& toy = find_entry<Toy>("toy", kToys, name);
  Dataset set;
  set.shape = {.channels = 2, .height = 1, .width = 1, .image = false};
  set.count = options.most ? options.most : 10000;
  set.values.resize(2 * set.count);
  const std::uint64_t first = split == Split::test ? std::uint64_t{1} << 32 : 0;  // points of its own, same law
  for (std::size_t i = 0; i < set.count; ++i) {
    ToyNoise noise;
    const NoiseAddress address{.seed = options.seed, .purpose = Purpose::toy, .sample = first + i};
    fill_uniform(address, noise.u);
    fill_normal({.seed = options.seed, .purpose = Purpose::toy, .sample = first + i, .draw = 1},
                std::span<double>(noise.z));
    const ToyPoint point = toy.point(noise);
    set.values[2 * i] = static_cast<float>(point.x);
    set.values[2 * i + 1] = static_cast<float>(point.y);
    if (toy.classes) set.labels.push_back(point.label);
  }
  for (const int k : {0, 1}) {
    set.column_mean.push_back(static_cast<float>(toy.mean[k]));
    set.column_std.push_back(static_cast<float>(std::sqrt(toy.variance[k])));
  }
  set.column_names = {"x", "y"};
  for (int k = 0; k < toy.classes; ++k) set.class_names.push_back(std::to_string(k));
  return set;
}

}  // namespace scoresde
