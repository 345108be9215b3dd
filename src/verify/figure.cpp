#include "verify/figure.h"

#include <cmath>

#include "sampler/sample.h"
#include "verify/line_density.h"

namespace scoresde {
namespace {

constexpr double kFigureEtas[] = {0, 0.5, 1, 2};
constexpr Index kFigureCells = 240;

std::string eta_title(double eta) {
  return eta == 0   ? "eta 0 (probability flow)"
         : eta == 1 ? "eta 1 (Anderson's reverse SDE)"
                    : fmt::format("eta {:g}", eta);
}

Series density_line(const std::string& name, const LineCells& cells, const Times& density, Index every) {
  Series series{.name = name, .markers = every > 1};
  const Times centres = cells.centres();
  for (Index i = 0; i < cells.count; i += every) series.points.push_back({centres[i], density[i]});
  return series;
}

LinePlot paths_plot(std::string_view name, const LineDensity& line, double eta) {
  constexpr int paths = 12, steps = 400;
  const auto sde = verification_sde(name);
  const auto data = verification_mixture();
  const MixtureScore score(*sde, data);
  std::vector<std::uint64_t> ids(paths);
  for (std::size_t k = 0; k < paths; ++k) ids[k] = k;
  const CounterNoise noise(5, ids, 1);
  LinePlot plot{.title = "Paths, " + eta_title(eta), .x_label = "t", .y_label = "x", .y_scale = AxisScale::linear};
  for (int k = 0; k < paths; ++k) plot.series.push_back({.name = "", .points = {}, .faint = true});
  std::vector<double> times;
  for (int k = 0; k <= steps; ++k) times.push_back(line.time_at(1 - static_cast<double>(k) / steps));
  sample({*sde, score, noise}, *make_solver("euler-maruyama", {.eta = eta}),
         draw_at(*sde, data, line.noisy(), paths, 5), times,
         {.denoise = false, .progress = [&](const SamplingProgress& p) {
            for (Index k = 0; k < paths; ++k)
              plot.series[static_cast<std::size_t>(k)].points.push_back({p.t, p.x(k, 0)});
          }});
  return plot;
}

}  // namespace

ReportData density_figure(std::string_view name) {
  const LineDensity line(name, kFigureCells);
  std::vector<double> times;
  for (const double share : {0.75, 0.5, 0.25, 0.0}) times.push_back(line.time_at(share));
  times.back() = line.clean();
  ReportData page{
      .title = "One density, many processes",
      .subtitle = fmt::format("The {} SDE on a mixture of two Gaussians: its reverse SDE for any eta and its "
                              "probability flow have the same marginals.",
                              name)};
  Table distances{{"t"}, {}};
  for (const double t : times) distances.rows.push_back({fmt::format("{:.4f}", t)});
  std::vector<std::vector<Times>> densities;
  for (const double eta : kFigureEtas) {
    densities.push_back(line.reverse(eta, times));
    distances.header.push_back(fmt::format("eta {:g}", eta));
    for (std::size_t k = 0; k < times.size(); ++k)
      distances.rows[k].push_back(fmt::format("{:.4f}", line.distance(densities.back()[k], line.exact(times[k]))));
  }
  for (std::size_t k = 0; k < times.size(); ++k) {
    const std::string title = fmt::format("Density at t = {:.4f}", times[k]);
    LinePlot plot{
        .title = title, .x_label = "x", .y_label = "density", .y_scale = AxisScale::linear, .y_from_zero = true};
    plot.series.push_back(density_line("exact", line.cells(), line.exact(times[k]), 4));
    for (std::size_t e = 0; e < std::size(kFigureEtas); ++e)
      plot.series.push_back(density_line(fmt::format("eta {:g}", kFigureEtas[e]), line.cells(), densities[e][k], 1));
    page.plots.push_back({title, "", std::move(plot)});
  }
  page.plots.front().note = fmt::format(
      "Lines: the Fokker-Planck equation of dx = [f x - (1 + eta²)/2 g² score] dt + eta g dw, backwards from the exact "
      "density at t = {:.4f}, by conservative finite volumes on {} cells. Dots: the exact marginal. That the lines lie "
      "on "
      "each other is the point. The equation of the flow (eta 0) has no diffusion, so its scheme is of first order and "
      "flattens the peaks a little.",
      line.noisy(), kFigureCells);
  for (const double eta : kFigureEtas)
    page.plots.push_back({"Paths, " + eta_title(eta), "", paths_plot(name, line, eta)});
  page.plots[times.size()].note =
      "The same beginnings, carried by each process: the densities agree, the paths do not.";
  page.tables.push_back({"Distance from the exact density",
                         "The integral of |p - q| (0: the same; 2: nothing in common).", std::move(distances)});
  return page;
}

}  // namespace scoresde
