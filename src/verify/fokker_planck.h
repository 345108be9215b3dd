#pragma once
#include <functional>
#include <span>

#include "core/batch.h"

namespace scoresde {

/// A process dx = u(x, t) dt + sqrt(a(t)) dw on the line, as its density sees it. Time may run either way: `t` names
/// the moment, u is the velocity in the direction of travel.
struct LineProcess {
  std::function<Times(const Times& x, double t)> velocity;
  std::function<double(double t)> variance_rate;  ///< a(t) >= 0
};

/// Equal cells on [low, high] with walls that nothing passes.
struct LineCells {
  double low = -1, high = 1;
  Index count = 100;

  double width() const { return (high - low) / static_cast<double>(count); }
  Times centres() const;
  Times faces() const;  ///< count - 1 of them, the walls apart
};

/// The Fokker-Planck equation dp/dt = -d(u p)/dx + a/2 d^2 p/dx^2 by finite volumes: means of p over the cells carried
/// from times.front() through all `times` (rising or falling). Fluxes by exponential fitting (Scharfetter & Gummel
/// 1969; for this equation Chang & Cooper 1970), exact where u and the flux are constant in a cell: second order in the
/// width where a > 0, first order (upwind) where a = 0. Implicit Euler, first order in the steps. For any steps and
/// cells the sum is kept to rounding and no mean is negative.
Times fokker_planck(const LineProcess& process, const LineCells& cells, Times density, std::span<const double> times);

}  // namespace scoresde
