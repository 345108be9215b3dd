#include <cmath>

#include "verify/check.h"
#include "verify/line_density.h"

namespace scoresde {
namespace {

constexpr double kEtas[] = {0, 0.5, 1, 2};

std::string eta_name(double eta) { return eta == 0 ? "flow" : fmt::format("eta {:g}", eta); }

double density_error(std::string_view sde, const std::string& process, Index cells) {
  const LineDensity line(sde, cells);
  if (process == "forward") return line.distance(line.forward(), line.exact(line.noisy()));
  for (const double eta : kEtas)
    if (process == eta_name(eta))
      return line.distance(line.reverse(eta, {line.clean()}).front(), line.exact(line.clean()));
  return std::nan("");
}

}  // namespace

std::vector<CheckTable> verify_densities(const VerifyOptions& options) {
  const Index cells = options.full ? 400 : 200;
  CheckTable error{"One density for all processes",
                   fmt::format("A mixture's density between sigma = alpha / 5 and alpha by the Fokker-Planck equation, "
                               "{} cells: forward SDE, probability flow, reverse SDE of several eta, each against the "
                               "exact marginal at its end: the integral of |p - q|, at most 0.03 (flow: 0.25).",
                               cells),
                   "SDE",
                   {}};
  CheckTable order{
      "Its order in the grid",
      "By what power of the cells' width that error falls: 2 where there is diffusion, 1 for the flow, whose "
      "equation has none.",
      "SDE",
      {}};
  for (const SdeEntry& sde : sdes()) {
    if (sde.name == "table") continue;
    std::vector<std::string> processes{"forward"};
    for (const double eta : kEtas) processes.push_back(eta_name(eta));
    for (const std::string& process : processes) {
      const bool flow = process == "flow";
      error.checks.push_back({std::string(sde.name), process, 0, 0, flow ? 0.25 : 0.03, ""});
      order.checks.push_back({std::string(sde.name), process, 0, flow ? 0.7 : 1.7, 100, ""});
    }
  }
  std::vector<Check> both = error.checks;
  run_checks(both, options, [&](Check& check) {
    const auto at = static_cast<std::size_t>(&check - both.data());
    const double coarse = density_error(check.row, check.column, cells / 2);
    error.checks[at].measured = density_error(check.row, check.column, cells);
    order.checks[at].measured = std::log2(coarse / error.checks[at].measured);
  });
  return {error, order};
}

}  // namespace scoresde
