#pragma once
#include <string>
#include <vector>

#include "report/ticks.h"

namespace scoresde {

struct Point {
  double x = 0, y = 0;
};

/// A line of a plot. Non-finite points (and non-positive ones on a logarithmic axis) leave a gap.
struct Series {
  std::string name = {};
  std::vector<Point> points = {};
  bool faint = false;    ///< a noisy curve behind its smoothed one: thin and pale, in the colour of the next series
  bool markers = false;  ///< a dot at every point: where there are few
};

/// Lines over a common axis as SVG. Long series are thinned to what the width can show, their peaks kept.
struct LinePlot {
  std::string title = {};  ///< for those who cannot see it
  std::string x_label = {}, y_label = {};
  AxisScale x_scale = AxisScale::linear, y_scale = AxisScale::automatic;
  std::vector<Series> series = {};
  bool y_from_zero = false;  ///< for rates, whose distance from zero is what matters
};

/// Horizontal bars, for every name one bar a series: class shares of data and of samples side by side.
struct BarChart {
  std::string title = {};
  std::vector<std::string> series = {};          ///< names of the bars of one group
  std::vector<std::string> names = {};           ///< of the groups
  std::vector<std::vector<double>> values = {};  ///< [group][series], none negative
  std::string unit = {};                         ///< behind every value: "%"
};

/// Points in the plane with equal units on both axes: two-dimensional data and samples.
struct ScatterPlot {
  std::string title = {};
  std::vector<Point> points = {};
  /// The part of the plane that is shown; where low == high, that of the points.
  Point low = {}, high = {};
};

/// One <svg> element of `width` units; its lettering is 13 units high, so it is to be shown at about `width` CSS
/// pixels. Colours are the CSS variables --series-1 ... --series-6 (with values for a page that defines none) and the
/// text colour of the page, so a plot is right on light and dark ground.
std::string line_plot_svg(const LinePlot& plot, int width = 720);
std::string bar_chart_svg(const BarChart& chart, int width = 720);
std::string scatter_svg(const ScatterPlot& plot, int width = 240);

}  // namespace scoresde
