#include "sampler/singlestep.h"

#include <cmath>

#include "sampler/multistep.h"

namespace scoresde {
namespace {

/// Where a singlestep method looks within its step, in units of h, and how it uses what it sees.
constexpr double kMiddle = 0.5, kThird = 1.0 / 3, kTwoThirds = 2.0 / 3;

/// DPM-Solver of second or third order (Lu et al. 2022a, algorithms 1 and 2) and DPM-Solver++(2S) (2022b, algorithm 1),
/// with eta > 0 their SDE form: the noise at the inner time is part of the noise of the whole step.
class Singlestep : public Solver {
 public:
  Singlestep(const SinglestepMethod& method, const SolverOptions& options) : method_(method) {
    if (options.eta >= 0) method_.eta = options.eta;
  }

  Batch step(const ReverseProcess& p, const Batch& x, const Interval& i) override {
    return method_.order == 3 ? third(p, x, i) : second(p, x, i);
  }

 private:
  static double inner_time(const Sde& sde, const Interval& i, double share) {
    const double from = sde.log_snr(i.t);
    return sde.time_at(from + share * (sde.log_snr(i.s) - from));
  }

  Batch without_noise(const Sde& sde, LineWeights line, const Batch& x, const std::vector<double>& times,
                      const std::vector<Batch>& estimates, double s) const {
    const ExponentialStep step = exponential_step(sde, method_.estimate, method_.eta, times[0], s);
    const std::vector<double> w =
        multistep_weights(sde, {method_.estimate, Abscissa::log_snr, line, method_.eta}, times, s);
    Batch y = step.keep * x;
    for (std::size_t j = 0; j < times.size(); ++j) y += (step.gain * w[j]) * estimates[j];
    return y;
  }

  Batch second(const ReverseProcess& p, const Batch& x, const Interval& i) const {
    const double middle = inner_time(p.sde, i, kMiddle);
    const Batch here = estimate_at(p, method_.estimate, x, i.t);
    Batch u = without_noise(p.sde, LineWeights::exact, x, {i.t}, {here}, middle), noise;
    if (method_.eta > 0) {
      const ExponentialStep first = exponential_step(p.sde, method_.estimate, method_.eta, i.t, middle),
                            rest = exponential_step(p.sde, method_.estimate, method_.eta, middle, i.s);
      const Batch inner = first.noise * p.noise.normal(Purpose::diffusion, i, 0);
      u += inner;
      noise = rest.keep * inner + rest.noise * p.noise.normal(Purpose::diffusion, i, 1);
    }
    const Batch there = estimate_at(p, method_.estimate, u, middle);
    Batch y = without_noise(p.sde, LineWeights::half_total, x, {i.t, middle}, {here, there}, i.s);
    if (method_.eta > 0) y += noise;
    return y;
  }

  Batch third(const ReverseProcess& p, const Batch& x, const Interval& i) const {
    const double first = inner_time(p.sde, i, kThird), second = inner_time(p.sde, i, kTwoThirds);
    const Batch here = estimate_at(p, method_.estimate, x, i.t);
    const Batch u = without_noise(p.sde, LineWeights::exact, x, {i.t}, {here}, first);
    const Batch v = without_noise(p.sde, LineWeights::exact, x, {i.t, first},
                                  {here, estimate_at(p, method_.estimate, u, first)}, second);
    return without_noise(p.sde, LineWeights::exact, x, {i.t, second},
                         {here, estimate_at(p, method_.estimate, v, second)}, i.s);
  }

  SinglestepMethod method_;
};

}  // namespace

std::unique_ptr<Solver> singlestep(const SinglestepMethod& method, const SolverOptions& options) {
  return std::make_unique<Singlestep>(method, options);
}

}  // namespace scoresde
