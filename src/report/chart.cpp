#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "report/plot.h"
#include "report/svg.h"
#include "report/utf8.h"

namespace scoresde {

std::string bar_chart_svg(const BarChart& chart, int width) {
  constexpr double kBar = 12, kBarGap = 2, kGroupGap = 12;
  double largest = 0;
  double name_room = 0;
  double value_room = 0;
  const auto value_text = [&](double value) { return fmt::format("{:.3g}{}", value, chart.unit); };
  for (const auto& group : chart.values)
    for (double value : group)
      if (std::isfinite(value)) {
        largest = std::max(largest, value);
        value_room = std::max(value_room, text_units(value_text(value)));
      }
  if (chart.names.empty() || !(largest > 0)) return empty_plot_svg(chart.title, width);
  const auto longest_name = static_cast<std::size_t>(0.35 * width / (0.6 * kSvgFontSize));
  for (const std::string& name : chart.names)
    name_room = std::max(name_room, text_units(fit_width(name, longest_name)));

  std::vector<LegendEntry> legend;
  for (std::size_t k = 0; k < chart.series.size(); ++k) legend.push_back({chart.series[k], series_colour(k)});
  const double top = lay_out_legend(legend, 4, width - 4.0);
  const double left = name_room + 12;
  const double scale = (width - left - value_room - 10) / largest;
  const std::size_t bars = std::max<std::size_t>(chart.series.size(), 1);
  const double bar = bars == 1 ? 1.4 * kBar : kBar;
  const double group_height = static_cast<double>(bars) * (bar + kBarGap) + kGroupGap;
  std::string out = svg_open(width, top + group_height * static_cast<double>(chart.names.size()), chart.title) +
                    legend_svg(legend, false);
  for (std::size_t g = 0; g < chart.names.size(); ++g) {
    const double y = top + group_height * static_cast<double>(g);
    const double middle = y + 0.5 * (group_height - kGroupGap);
    out += svg_text(left - 8, middle + 4, "end", fit_width(chart.names[g], longest_name));
    for (std::size_t k = 0; k < bars && g < chart.values.size() && k < chart.values[g].size(); ++k) {
      const double value = chart.values[g][k];
      if (!std::isfinite(value)) continue;
      const double at = y + static_cast<double>(k) * (bar + kBarGap);
      const double length = std::max(1.0, scale * std::max(value, 0.0));
      out += fmt::format("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" rx=\"2\" fill=\"{}\"/>\n",
                         left, at, length, bar, series_colour(k));
      out += svg_text(left + length + 6, at + 0.5 * bar + 4, "start", value_text(value),
                      "font-size=\"11.5\" fill-opacity=\"0.8\"");
    }
  }
  return out + "</svg>\n";
}

std::string scatter_svg(const ScatterPlot& plot, int width) {
  Point low = plot.low;
  Point high = plot.high;
  if (low.x == high.x || low.y == high.y) {
    low = {std::numeric_limits<double>::infinity(), std::numeric_limits<double>::infinity()};
    high = {-low.x, -low.y};
    for (const Point& point : plot.points) {
      if (!std::isfinite(point.x) || !std::isfinite(point.y)) continue;
      low = {std::min(low.x, point.x), std::min(low.y, point.y)};
      high = {std::max(high.x, point.x), std::max(high.y, point.y)};
    }
  }
  const double extent = std::max(high.x - low.x, high.y - low.y);
  if (!(extent > 0) || !std::isfinite(extent)) return empty_plot_svg(plot.title, width);
  const double radius = std::clamp(60.0 / std::sqrt(static_cast<double>(plot.points.size()) + 1), 0.8, 3.0);
  const double scale = (width - 4 * radius) / extent;
  const double cx = 0.5 * (low.x + high.x);
  const double cy = 0.5 * (low.y + high.y);
  std::string path;
  for (const Point& point : plot.points) {  // a line of no length with round ends is a dot: 15 bytes a point
    const double x = 0.5 * width + scale * (point.x - cx);
    const double y = 0.5 * width - scale * (point.y - cy);
    if (x >= 0 && x <= width && y >= 0 && y <= width) path += fmt::format("M{:.1f} {:.1f}h0", x, y);
  }
  return svg_open(width, width, plot.title) +
         fmt::format(
             "<path d=\"{}\" stroke=\"{}\" stroke-opacity=\"0.55\" stroke-width=\"{:.1f}\" "
             "stroke-linecap=\"round\" fill=\"none\"/>\n</svg>\n",
             path, series_colour(0), 2 * radius);
}

}  // namespace scoresde
