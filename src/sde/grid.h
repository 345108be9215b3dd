#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sde/sde.h"

namespace scoresde {

/// A row of the table of time grids: `make(sde, t_start, t_stop, steps)` gives steps + 1 strictly monotone times with
/// both ends exact.
struct GridEntry {
  std::string_view name, summary;
  std::vector<double> (*make)(const Sde& sde, double t_start, double t_stop, int steps);
};
std::span<const GridEntry> grids();

/// uniform, quadratic, log-snr, karras. Error{usage} for an unknown name or steps < 1.
std::vector<double> make_grid(std::string_view name, const Sde& sde, double t_start, double t_stop, int steps);

}  // namespace scoresde
