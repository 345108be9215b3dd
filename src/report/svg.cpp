#include "report/svg.h"

#include <fmt/format.h>

#include <string_view>

#include "report/markup.h"
#include "report/utf8.h"

namespace scoresde {

double text_units(std::string_view text) { return 0.6 * kSvgFontSize * static_cast<double>(display_width(text)); }

std::string series_colour(std::size_t k) {
  static constexpr std::string_view kColours[] = {"#0b6bb5", "#c2500b", "#0a7f5f", "#a33b8a", "#8a6d00", "#5a5fcf"};
  const std::size_t at = k % std::size(kColours);
  return fmt::format("var(--series-{}, {})", at + 1, kColours[at]);
}

std::string svg_open(double width, double height, std::string_view title) {
  const std::string name = escape_markup(title);
  return fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {:.0f} {:.0f}\" width=\"{:.0f}\" height=\"{:.0f}\" "
      "role=\"img\" aria-label=\"{}\" font-family=\"system-ui, -apple-system, 'Segoe UI', sans-serif\" "
      "font-size=\"{}\" fill=\"currentColor\">\n",
      width, height, width, height, name, kSvgFontSize);
}

std::string svg_text(double x, double y, std::string_view anchor, std::string_view text, std::string_view more) {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\" {}>{}</text>\n", x, y, anchor, more,
                     escape_markup(text));
}

double lay_out_legend(std::vector<LegendEntry>& entries, double left, double width, double top) {
  constexpr double kMark = 24, kGap = 18, kLegendRow = 22;
  double x = left;
  double y = top + kLegendRow / 2 + 2;
  for (LegendEntry& entry : entries) {
    const double needs = kMark + text_units(entry.name);
    if (x > left && x + needs > width) {
      x = left;
      y += kLegendRow;
    }
    entry.x = x;
    entry.y = y;
    x += needs + kGap;
  }
  return entries.empty() ? top + 8 : y + kLegendRow / 2 + 4;
}

std::string legend_svg(const std::vector<LegendEntry>& entries, bool lines) {
  std::string out;
  for (const LegendEntry& entry : entries) {
    if (lines)
      out += fmt::format("<path d=\"M{:.1f} {:.1f}h16\" stroke=\"{}\" stroke-width=\"2.5\" fill=\"none\"/>\n", entry.x,
                         entry.y, entry.colour);
    else
      out += fmt::format("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"16\" height=\"10\" rx=\"2\" fill=\"{}\"/>\n", entry.x,
                         entry.y - 5, entry.colour);
    out += svg_text(entry.x + 24, entry.y + 4.5, "start", entry.name);
  }
  return out;
}

std::string empty_plot_svg(std::string_view title, int width) {
  return svg_open(width, 60, title) + svg_text(0.5 * width, 35, "middle", "nothing to show yet") + "</svg>\n";
}

}  // namespace scoresde
