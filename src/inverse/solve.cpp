#include "inverse/solve.h"

#include <cmath>

#include "core/noise.h"
#include "core/sum.h"

namespace scoresde {
namespace {

double dot(const Vector& a, const Vector& b) {
  return ordered_dot(a.data(), b.data(), static_cast<std::size_t>(a.size()));
}

Vector conjugate_gradients(const Operator& op, const Vector& b, double shift, const Vector& start) {
  constexpr int most_iterations = 100;
  constexpr double tolerance = 1e-6;
  const auto normal = [&](const Vector& x) -> Vector { return op.adjoint(op.apply(x)) + shift * x; };
  Vector x = start, r = b - normal(x), p = r;
  double size = dot(r, r);
  const double enough = tolerance * tolerance * dot(b, b);
  for (int k = 0; k < most_iterations && size > enough; ++k) {
    const Vector q = normal(p);
    const double curvature = dot(p, q);
    if (!(curvature > 0)) break;
    x += (size / curvature) * p;
    r -= (size / curvature) * q;
    const double next = dot(r, r);
    p = r + (next / size) * p;
    size = next;
  }
  return x;
}

}  // namespace

Vector solve_shifted(const Operator& op, const Vector& b, double shift, const Vector& start) {
  const auto spectrum = op.spectrum();
  if (!spectrum) return conjugate_gradients(op, b, shift, start);
  const Eigen::ArrayXd& s = spectrum->singular_values();
  Vector c = spectrum->analyse(b);
  const Vector kept = shift > 0 ? Vector() : spectrum->analyse(start);
  for (Index i = 0; i < c.size(); ++i) {
    const double size = s[i] * s[i] + shift;
    c[i] = size > 0 ? c[i] / size : kept[i];
  }
  return spectrum->synthesise(c);
}

Vector proximal(const Operator& op, const Vector& y, const Vector& x, double weight) {
  return solve_shifted(op, op.adjoint(y) + weight * x, weight, x);
}

Vector pseudo_inverse(const Operator& op, const Vector& y) {
  return solve_shifted(op, op.adjoint(y), 0, Vector::Zero(op.inputs()));
}

double operator_norm(const Operator& op) {
  Vector x(op.inputs());
  fill_normal({.purpose = Purpose::measurement}, std::span(x.data(), static_cast<std::size_t>(x.size())));
  double norm = 0;
  for (int k = 0; k < 30; ++k) {
    x /= std::sqrt(dot(x, x));
    x = op.adjoint(op.apply(x));
    norm = std::sqrt(std::sqrt(dot(x, x)));
    if (!(norm > 0)) return 0;
  }
  return norm;
}

namespace {

// Forward differences of every channel, to the right and down, 0 beyond the border, and their adjoint.
struct PictureGradient {
  ItemShape shape;

  Vector apply(const Vector& x) const {
    Vector g = Vector::Zero(2 * x.size());
    visit([&](Index here, Index right, Index down) {
      if (right >= 0) g[here] = x[right] - x[here];
      if (down >= 0) g[x.size() + here] = x[down] - x[here];
    });
    return g;
  }

  Vector adjoint(const Vector& g) const {
    const Index n = g.size() / 2;
    Vector x = Vector::Zero(n);
    visit([&](Index here, Index right, Index down) {
      if (right >= 0) x[right] += g[here], x[here] -= g[here];
      if (down >= 0) x[down] += g[n + here], x[here] -= g[n + here];
    });
    return x;
  }

 private:
  template <class Visit>
  void visit(const Visit& see) const {
    Index here = 0;
    for (int c = 0; c < shape.channels; ++c)
      for (int i = 0; i < shape.height; ++i)
        for (int j = 0; j < shape.width; ++j, ++here)
          see(here, j + 1 < shape.width ? here + 1 : -1, i + 1 < shape.height ? here + shape.width : -1);
  }
};

}  // namespace

Vector total_variation(const Operator& op, const Vector& y, const ItemShape& shape, double weight, int iterations) {
  if (!shape.image || shape.size() != op.inputs())
    fail(Failure::usage, "total variation is of pictures, not of {}", to_text(shape));
  const PictureGradient gradient{shape};
  // The operator is scaled to norm 1, where the bound sqrt(1 + 8) on the joint norm makes both steps 1/3.
  const double norm = std::max(operator_norm(op), 1e-12), step = 1.0 / 3;
  const double limit = weight / (norm * norm);
  Vector x = Vector::Zero(op.inputs()), ahead = x, seen = Vector::Zero(y.size()), edge = Vector::Zero(2 * x.size());
  for (int k = 0; k < iterations; ++k) {
    seen = (seen + step * (op.apply(ahead) - y) / norm) / (1 + step);
    edge += step * gradient.apply(ahead);
    for (Index i = 0; i < x.size(); ++i) {
      const double size = std::hypot(edge[i], edge[x.size() + i]);
      const double shrink = size > limit ? limit / size : 1;
      edge[i] *= shrink;
      edge[x.size() + i] *= shrink;
    }
    const Vector next = x - step * (op.adjoint(seen) / norm + gradient.adjoint(edge));
    ahead = 2 * next - x;
    x = next;
  }
  return x;
}

}  // namespace scoresde
