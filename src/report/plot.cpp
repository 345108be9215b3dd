#include "report/plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "report/svg.h"

namespace scoresde {
namespace {

/// Values to positions along one axis.
class PlotAxis {
 public:
  PlotAxis(AxisScale scale, const std::vector<double>& values) {
    double low = std::numeric_limits<double>::infinity();
    double high = -low;
    double least_positive = low;
    for (double value : values) {
      if (!std::isfinite(value)) continue;
      low = std::min(low, value);
      high = std::max(high, value);
      if (value > 0) least_positive = std::min(least_positive, value);
    }
    logarithmic_ = scale == AxisScale::logarithmic || (scale == AxisScale::automatic && low > 0 && high > 30 * low);
    if (logarithmic_) low = least_positive;
    if (!(low <= high)) low = logarithmic_ ? 0.1 : 0, high = 1;
    if (low == high) {
      const double room = logarithmic_ ? 0 : std::max(std::abs(low) * 0.5, 1e-12);
      low = logarithmic_ ? low / 2 : low - room;
      high = logarithmic_ ? high * 2 : high + room;
    }
    low_ = low;
    high_ = high;
  }

  /// Room at both ends, so that a curve does not lie on the frame; a linear axis that nearly starts at 0 starts there.
  void widen(double share) {
    if (logarithmic_) {
      const double factor = std::pow(high_ / low_, share);
      low_ /= factor;
      high_ *= factor;
      return;
    }
    const double room = share * (high_ - low_);
    low_ = low_ >= 0 && low_ < 0.3 * high_ ? 0 : low_ - room;
    high_ += room;
  }

  void start_at_zero() {
    if (!logarithmic_) low_ = std::min(low_, 0.0);
  }

  void place(double from, double to) { from_ = from, to_ = to; }
  bool shows(double value) const { return std::isfinite(value) && (!logarithmic_ || value > 0); }
  double operator()(double value) const {
    const double share =
        logarithmic_ ? std::log(value / low_) / std::log(high_ / low_) : (value - low_) / (high_ - low_);
    return from_ + std::clamp(share, 0.0, 1.0) * (to_ - from_);
  }
  std::vector<Tick> ticks(int most) const {
    return logarithmic_ ? logarithmic_ticks(low_, high_, most) : linear_ticks(low_, high_, most);
  }

 private:
  double low_ = 0, high_ = 1, from_ = 0, to_ = 1;
  bool logarithmic_ = false;
};

/// Lowest and highest point of every stretch of about a unit of width, in their order: looks the same, is small.
std::vector<Point> thinned(const std::vector<Point>& points, std::size_t stretches) {
  if (points.size() <= 2 * stretches) return points;
  std::vector<Point> kept;
  for (std::size_t k = 0; k < stretches; ++k) {
    const auto first = points.begin() + static_cast<std::ptrdiff_t>(points.size() * k / stretches);
    const auto last = points.begin() + static_cast<std::ptrdiff_t>(points.size() * (k + 1) / stretches);
    const auto [low, high] = std::minmax_element(first, last, [](const Point& a, const Point& b) { return a.y < b.y; });
    kept.push_back(low < high ? *low : *high);
    if (low != high) kept.push_back(low < high ? *high : *low);
  }
  return kept;
}

std::string series_path(const std::vector<Point>& points, const PlotAxis& x, const PlotAxis& y) {
  std::string path;
  bool down = false;
  for (const Point& point : points) {
    const bool shown = x.shows(point.x) && y.shows(point.y);
    if (shown) path += fmt::format("{}{:.1f} {:.1f}", down ? "L" : "M", x(point.x), y(point.y));
    down = shown;
  }
  return path;
}

std::string series_svg(const Series& series, const std::string& colour, const PlotAxis& x, const PlotAxis& y,
                       std::size_t stretches) {
  const std::vector<Point> points = thinned(series.points, stretches);
  std::string out = fmt::format(
      "<path d=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"{}\" stroke-opacity=\"{}\" "
      "stroke-linejoin=\"round\"/>\n",
      series_path(points, x, y), colour,
      series.faint                ? 1
      : points.size() > stretches ? 1.6
                                  : 2.2,
      series.faint ? 0.35 : 1);
  if (!series.markers) return out;
  for (const Point& point : points)
    if (x.shows(point.x) && y.shows(point.y))
      out += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3\" fill=\"{}\"/>\n", x(point.x), y(point.y), colour);
  return out;
}

/// Ticks along x whose labels keep apart: fewer are asked for until they do.
std::vector<Tick> spaced_ticks(const PlotAxis& x, double width) {
  for (int most = std::max(2, static_cast<int>(width / 48)); most > 1; --most) {
    const std::vector<Tick> ticks = x.ticks(most);
    bool apart = true;
    for (std::size_t k = 1; k < ticks.size(); ++k)
      apart &= x(ticks[k].value) - x(ticks[k - 1].value) >
               0.5 * (text_units(ticks[k].label) + text_units(ticks[k - 1].label)) + 10;
    if (apart) return ticks;
  }
  return x.ticks(1);
}

struct PlotFrame {
  double left, right, top, bottom;
};

std::string axes_svg(const PlotFrame& frame, const PlotAxis& x, const PlotAxis& y, const std::vector<Tick>& y_ticks,
                     const LinePlot& plot) {
  std::string out;
  for (const Tick& tick : y_ticks) {
    const double at = y(tick.value);
    out += fmt::format("<path d=\"M{:.1f} {:.1f}H{:.1f}\" stroke=\"currentColor\" stroke-opacity=\"0.13\"/>\n",
                       frame.left, at, frame.right);
    out += svg_text(frame.left - 8, at + 4.5, "end", tick.label, "fill-opacity=\"0.75\"");
  }
  for (const Tick& tick : spaced_ticks(x, frame.right - frame.left)) {
    const double at = x(tick.value);
    out += fmt::format("<path d=\"M{:.1f} {:.1f}v5\" stroke=\"currentColor\" stroke-opacity=\"0.5\"/>\n", at,
                       frame.bottom);
    out += svg_text(at, frame.bottom + 20, "middle", tick.label, "fill-opacity=\"0.75\"");
  }
  out += fmt::format("<path d=\"M{:.1f} {:.1f}H{:.1f}\" stroke=\"currentColor\" stroke-opacity=\"0.5\"/>\n", frame.left,
                     frame.bottom, frame.right);
  if (!plot.x_label.empty())
    out += svg_text(0.5 * (frame.left + frame.right), frame.bottom + 42, "middle", plot.x_label);
  return out;
}

std::vector<double> coordinates_of(const LinePlot& plot, double Point::*member) {
  std::vector<double> values;
  for (const Series& series : plot.series)
    for (const Point& point : series.points) values.push_back(point.*member);
  return values;
}

}  // namespace

std::string line_plot_svg(const LinePlot& plot, int width) {
  PlotAxis x(plot.x_scale, coordinates_of(plot, &Point::x));
  PlotAxis y(plot.y_scale, coordinates_of(plot, &Point::y));
  const bool any = std::any_of(plot.series.begin(), plot.series.end(), [&](const Series& series) {
    return std::any_of(series.points.begin(), series.points.end(),
                       [&](const Point& point) { return x.shows(point.x) && y.shows(point.y); });
  });
  if (!any) return empty_plot_svg(plot.title, width);
  if (plot.y_from_zero) y.start_at_zero();
  y.widen(0.04);

  std::vector<LegendEntry> legend;
  std::vector<std::string> colours(plot.series.size());
  std::size_t colour = 0;
  for (std::size_t k = 0; k < plot.series.size(); ++k) {
    colours[k] = series_colour(colour);
    if (plot.series[k].faint) continue;
    legend.push_back({plot.series[k].name, colours[k]});
    ++colour;
  }
  const std::vector<Tick> y_ticks = y.ticks(6);
  double label_room = 0;
  for (const Tick& tick : y_ticks) label_room = std::max(label_room, text_units(tick.label));
  PlotFrame frame{.left = label_room + 12, .right = width - 16.0, .top = 0, .bottom = 0};
  // The name of the y axis stands above it, level: turned letters are hard to read.
  const double name_room = plot.y_label.empty() ? 0 : 22;
  if (legend.size() == 1 && name_room > 0) legend.clear();  // the axis has said it
  frame.top = lay_out_legend(legend, 4, width - 4.0, name_room) + 6;
  frame.bottom = frame.top + std::clamp(0.4 * width, 180.0, 300.0);
  x.place(frame.left, frame.right);
  y.place(frame.bottom, frame.top);

  const double height = frame.bottom + (plot.x_label.empty() ? 28 : 50);
  std::string out = svg_open(width, height, plot.title) + legend_svg(legend, true);
  if (!plot.y_label.empty()) out += svg_text(4, 14, "start", plot.y_label, "font-weight=\"600\"");
  out += axes_svg(frame, x, y, y_ticks, plot);
  for (bool faint : {true, false})
    for (std::size_t k = 0; k < plot.series.size(); ++k)
      if (plot.series[k].faint == faint)
        out += series_svg(plot.series[k], colours[k], x, y, static_cast<std::size_t>(frame.right - frame.left) / 2);
  return out + "</svg>\n";
}

}  // namespace scoresde
