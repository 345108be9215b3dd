#include <cmath>

#include "sampler/edm_heun.h"
#include "sde/grid.h"

namespace scoresde {

int restart_length(int steps, const SolverOptions& options) {
  return options.restart_steps > 0 ? options.restart_steps : (steps + 3) / 4;
}

namespace {

/// Restart (Xu et al. 2023, algorithm 1) over Heun's method in rho = sigma / alpha: the first time that the run comes
/// to rho <= restart_min (or else its end), noise takes it up to restart_max and the flow down again, `restarts` times.
/// The fresh noise contracts the error that the flow has made, each time. Their several intervals are one here.
class Restart : public Solver {
 public:
  explicit Restart(const SolverOptions& options) : options_(options) {
    if (!(options.restart_min < options.restart_max))
      fail(Failure::usage, "restart_min = {} must be below restart_max = {}", options.restart_min, options.restart_max);
  }

  void begin(std::span<const double> times) override {
    steps_ = static_cast<int>(times.size()) - 1;
    end_ = times.back();
    due_ = true;
  }

  Batch step(const ReverseProcess& p, const Batch& x, const Interval& i) override {
    Batch y = down(p, x, i.t, i.s);
    if (!due_ || options_.restarts == 0 || (noise_to_signal(p.sde, i.s) > options_.restart_min && i.s > end_)) return y;
    due_ = false;
    const double top = p.sde.time_at(-std::log(options_.restart_max));
    if (!(top > i.s))
      fail(Failure::usage, "restart_max = {} is not above the level sigma/alpha = {} that the run starts again from",
           options_.restart_max, noise_to_signal(p.sde, i.s));
    const Transition up = p.sde.transition(i.s, top);
    const std::vector<double> times = make_grid("karras", p.sde, top, i.s, restart_length(steps_, options_));
    for (int k = 0; k < options_.restarts; ++k) {
      y = up.scale * y + up.std * p.noise.normal(Purpose::churn, i, static_cast<std::uint32_t>(k));
      for (std::size_t j = 0; j + 1 < times.size(); ++j) y = down(p, y, times[j], times[j + 1]);
    }
    return y;
  }

 private:
  static Batch down(const ReverseProcess& p, const Batch& x, double t, double s) {
    return heun_in_rho(p, x / p.sde.marginal(t).alpha, {t, noise_to_signal(p.sde, t)}, s);
  }

  SolverOptions options_;
  int steps_ = 1;
  double end_ = 0;
  bool due_ = true;
};

}  // namespace

std::unique_ptr<Solver> make_restart(const SolverOptions& options) { return std::make_unique<Restart>(options); }

}  // namespace scoresde
