#pragma once
#include <string_view>
#include <vector>

#include "score/analytic.h"

namespace scoresde {

/// The law of x_t on the line when data are a mixture of Gaussians: its distribution function and quantiles, exact in
/// both tails. The probability flow on the line keeps the order of points, so it is the map from quantile to quantile:
/// the only closed form there is for a mixture.
class LineLaw {
 public:
  /// One-dimensional components. Weights are scaled to sum to 1.
  LineLaw(const Sde& sde, std::vector<MixtureComponent> components, double t);

  double below(double x) const;  ///< P(x_t <= x)
  double above(double x) const;  ///< P(x_t > x), accurate where it is small
  double density(double x) const;

  /// The point of this law at the quantile that x has in `other`: the exact probability flow from other's time.
  double transport(double x, const LineLaw& other) const;

  /// sqrt(n) times the largest distance between the distribution functions of a sample and of this law (Kolmogorov
  /// 1933): above 1.63, 1.95, 2.37 with probability 1e-2, 1e-3, 2.6e-5.
  double kolmogorov(const Batch& sample) const;

 private:
  struct Part {
    double weight, mean, deviation;
  };
  std::vector<Part> parts_;
};

/// The probability flow of any score with exact derivatives in any dimension, Dormand-Prince at tolerance 1e-12: what
/// a mixture's flow is compared with above one dimension.
Batch fine_flow(const Sde& sde, const Score& score, const Batch& x, double t, double s);

/// The SDE of a name with its defaults; "table" is alpha = cos t, sigma = sin t.
std::unique_ptr<Sde> verification_sde(std::string_view name);

/// Data on which everything is verified: N(0.3, 0.5^2), and a mixture of two components on the line.
std::vector<MixtureComponent> verification_gaussian();
std::vector<MixtureComponent> verification_mixture();

/// `rows` draws of x_t; the seed fixes them.
Batch draw_at(const Sde& sde, const std::vector<MixtureComponent>& components, double t, Index rows,
              std::uint64_t seed);

}  // namespace scoresde
