#include "sde/grid.h"

#include <cmath>

#include "core/catalog.h"

namespace scoresde {
namespace {

// Times whose images under `forward` are equally spaced, with both ends as given.
template <class Forward, class Inverse>
std::vector<double> spaced(double t_start, double t_stop, int steps, const Forward& forward, const Inverse& inverse) {
  std::vector<double> times(static_cast<std::size_t>(steps) + 1);
  const double first = forward(t_start), last = forward(t_stop);
  for (int k = 0; k <= steps; ++k) {
    const double share = static_cast<double>(k) / steps;
    times[static_cast<std::size_t>(k)] = inverse((1 - share) * first + share * last);
  }
  times.front() = t_start;
  times.back() = t_stop;
  return times;
}

std::vector<double> uniform_grid(const Sde&, double t_start, double t_stop, int steps) {
  const auto same = [](double t) { return t; };
  return spaced(t_start, t_stop, steps, same, same);
}

std::vector<double> quadratic_grid(const Sde&, double t_start, double t_stop, int steps) {
  return spaced(
      t_start, t_stop, steps, [](double t) { return std::sqrt(t); }, [](double u) { return u * u; });
}

std::vector<double> log_snr_grid(const Sde& sde, double t_start, double t_stop, int steps) {
  return spaced(
      t_start, t_stop, steps, [&](double t) { return sde.log_snr(t); }, [&](double u) { return sde.time_at(u); });
}

std::vector<double> karras_grid(const Sde& sde, double t_start, double t_stop, int steps) {
  constexpr double rho = 7;
  return spaced(
      t_start, t_stop, steps, [&](double t) { return std::exp(-sde.log_snr(t) / rho); },
      [&](double u) { return sde.time_at(-rho * std::log(u)); });
}

constexpr GridEntry grid_table[] = {
    {"uniform", "equal steps of t", uniform_grid},
    {"quadratic", "equal steps of sqrt(t): finer towards the data", quadratic_grid},
    {"log-snr", "equal steps of log(alpha / sigma) (Lu et al. 2022)", log_snr_grid},
    {"karras", "equal steps of (sigma / alpha)^(1/7) (Karras et al. 2022, eq. 5)", karras_grid},
};

}  // namespace

std::span<const GridEntry> grids() { return grid_table; }

std::vector<double> make_grid(std::string_view name, const Sde& sde, double t_start, double t_stop, int steps) {
  const GridEntry& entry = find_entry("grid", grids(), name);
  if (steps < 1) fail(Failure::usage, "a time grid needs at least 1 step, not {}", steps);
  for (double t : {t_start, t_stop})
    if (!(t >= sde.t_min() && t <= sde.t_max()))
      fail(Failure::usage, "time {} is outside [{}, {}] of sde {}", t, sde.t_min(), sde.t_max(), sde.name());
  if (t_start == t_stop) fail(Failure::usage, "a time grid from {} to the same time has no steps", t_start);
  std::vector<double> times = entry.make(sde, t_start, t_stop, steps);
  for (std::size_t k = 1; k < times.size(); ++k)
    if (!(t_start > t_stop ? times[k] < times[k - 1] : times[k] > times[k - 1]))
      fail(Failure::usage, "{} steps of grid {} from {} to {} are finer than double precision", steps, name, t_start,
           t_stop);
  return times;
}

}  // namespace scoresde
