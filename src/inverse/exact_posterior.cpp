#include <cmath>
#include <numbers>

#include "inverse/method_parts.h"
#include "score/analytic.h"
#include "score/posterior.h"

namespace scoresde {
namespace {

/// Independent draws of the posterior of a mixture itself: the truth that others are held to.
class ExactPosterior : public MeasuredSolver {
 public:
  using MeasuredSolver::MeasuredSolver;

  Batch start(const ReverseProcess& p, const Batch& prior) override {
    const auto* mixture = dynamic_cast<const MixtureScore*>(&p.score);
    if (!mixture) fail(Failure::usage, "method exact needs a prior in closed form, a MixtureScore; a network is none");
    const Eigen::MatrixXd matrix = dense_matrix(op());
    const Interval here{p.sde.t_max(), p.sde.t_max(), 0};
    const Batch z = p.noise.normal(Purpose::posterior, here, 0), which = p.noise.normal(Purpose::posterior, here, 1);
    return each_row(prior, [&](const Vector&, const Vector& y, Index i) {
      const auto law = posterior(mixture->components(), linear_measurement(matrix, y, m_.sigma));
      double total = 0, rest = 0.5 * std::erfc(-which(i, 0) / std::numbers::sqrt2);
      for (const MixtureComponent& component : law) total += component.weight;
      std::size_t k = 0;
      while (k + 1 < law.size() && (rest -= law[k].weight / total) > 0) ++k;
      Vector x(z.cols());
      law[k].law.place(&z(i, 0), x.data());
      return x;
    });
  }

  Batch step(const ReverseProcess&, const Batch& x, const Interval&) override { return x; }
  Batch denoise(const ReverseProcess&, const Batch& x, double) override { return x; }
};

}  // namespace

std::unique_ptr<RestorationSolver> make_exact_posterior(const Measurement& m, const MethodOptions& options) {
  return std::make_unique<ExactPosterior>(m, options);
}

}  // namespace scoresde
