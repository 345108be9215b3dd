#include <cmath>

#include "inverse/method_parts.h"

namespace scoresde {
namespace {

/// Regularisation by denoising diffusion (Mardani et al. 2024, algorithm 1): one point mu is moved by Adam (beta 0.9,
/// 0.99) down |y - A mu|^2 / 2 + regularisation sigma / alpha (eps(x_t, t) - z) . mu at x_t = alpha mu + sigma z, t
/// falling. The state is mu; the end is mu itself. The fit is scaled by 1 / |A|^2.
class RedDiff : public MeasuredSolver {
 public:
  RedDiff(const Measurement& m, const MethodOptions& options)
      : MeasuredSolver(m, options), scale_(m.op->linear() ? std::pow(std::max(1e-12, operator_norm(*m.op)), -2) : 1) {}

  void begin(std::span<const double>) override { steps_ = 0; }

  Batch start(const ReverseProcess&, const Batch& prior) override {
    if (!op().linear()) return 0.01 * prior;
    return each_row(prior, [&](const Vector&, const Vector& y, Index) -> Vector { return scale_ * op().adjoint(y); });
  }

  Batch step(const ReverseProcess& p, const Batch& mu, const Interval& i) override {
    const Marginal level = p.sde.marginal(i.t);
    const Batch z = p.noise.normal(Purpose::diffusion, i);
    const Batch x = level.alpha * mu + level.sigma * z;
    const Batch noise = -level.sigma * p.score(x, times_of(x.rows(), i.t));
    const Batch fit =
        each_row(mu, [&](const Vector& x0, const Vector& y, Index) { return op().vjp(x0, op().apply(x0) - y); });
    return adam(mu, scale_ * fit + options_.regularisation * level.sigma / level.alpha * (noise - z));
  }

  Batch denoise(const ReverseProcess&, const Batch& mu, double) override { return mu; }

 private:
  Batch adam(const Batch& mu, const Batch& gradient) {
    if (steps_++ == 0) first_ = second_ = Batch::Zero(mu.rows(), mu.cols());
    first_ = 0.9 * first_ + 0.1 * gradient;
    second_ = 0.99 * second_ + 0.01 * gradient.square();
    const double one = 1 - std::pow(0.9, steps_), two = 1 - std::pow(0.99, steps_);
    return mu - options_.learning_rate * (first_ / one) / ((second_ / two).sqrt() + 1e-8);
  }

  double scale_;
  int steps_ = 0;
  Batch first_, second_;
};

}  // namespace

std::unique_ptr<RestorationSolver> make_red_diff(const Measurement& m, const MethodOptions& options) {
  return std::make_unique<RedDiff>(m, options);
}

}  // namespace scoresde
