#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace scoresde {

constexpr double kSvgFontSize = 13;

/// Width of a text in SVG units. Nothing here can measure a font: 0.6 em a character is wide for common sans-serif
/// fonts (DejaVu Sans, among the widest in use, averages that), so the room reserved is enough.
double text_units(std::string_view text);

/// The colour of series k: a CSS variable of the page, with a value for a page without it.
std::string series_colour(std::size_t k);

/// The opening tag; `title` is what a screen reader says.
std::string svg_open(double width, double height, std::string_view title);

/// A <text> at (x, y), escaped; `anchor` is start, middle or end, `more` further attributes.
std::string svg_text(double x, double y, std::string_view anchor, std::string_view text, std::string_view more = "");

struct LegendEntry {
  std::string name, colour;
  double x = 0, y = 0;
};

/// Places the entries beside each other from `top` on, wrapped before `width`; returns where they end.
double lay_out_legend(std::vector<LegendEntry>& entries, double left, double width, double top = 0);
std::string legend_svg(const std::vector<LegendEntry>& entries, bool lines);

/// What stands in the place of a plot without data.
std::string empty_plot_svg(std::string_view title, int width);

}  // namespace scoresde
