#include "report/html_parts.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/text.h"
#include "report/markup.h"

namespace scoresde {
namespace {

constexpr int kThumbnail = 56;  // CSS pixels that a small picture is enlarged to
constexpr int kLargestShown = 160;

/// Width in CSS pixels: a whole multiple for small pictures, so that all their pixels are of one size.
int shown_width(const Image& image) {
  if (image.width >= kLargestShown) return kLargestShown;
  return image.width * std::max(1, static_cast<int>(std::lround(static_cast<double>(kThumbnail) / image.width)));
}

std::string image_html(const Image& image, std::string_view alt) {
  const int width = shown_width(image);
  const int height = std::max(1, width * image.height / std::max(1, image.width));
  return fmt::format("<img src=\"{}\" alt=\"{}\" width=\"{}\" height=\"{}\"{}>", data_uri(image), escape_markup(alt),
                     width, height, width > image.width ? " class=\"pixels\"" : "");
}

std::string alt_of(const Gallery& gallery, std::size_t k, std::string_view what) {
  std::string alt = fmt::format("{} {}", what, k + 1);
  if (k < gallery.captions.size() && !gallery.captions[k].empty()) alt += ": " + gallery.captions[k];
  return alt;
}

/// The square around the points and a tenth more.
void frame_points(const std::vector<Point>& points, ScatterPlot& plot) {
  const double infinity = std::numeric_limits<double>::infinity();
  Point low{infinity, infinity};
  Point high{-infinity, -infinity};
  for (const Point& point : points) {
    if (!std::isfinite(point.x) || !std::isfinite(point.y)) continue;
    low = {std::min(low.x, point.x), std::min(low.y, point.y)};
    high = {std::max(high.x, point.x), std::max(high.y, point.y)};
  }
  if (!(low.x < high.x) || !(low.y < high.y)) return;
  const double room = 0.1 * std::max(high.x - low.x, high.y - low.y);
  plot.low = {low.x - room, low.y - room};
  plot.high = {high.x + room, high.y + room};
}

std::string cloud_html(const Gallery& gallery, std::string_view what, const std::vector<Point>& frame) {
  ScatterPlot plot{.title = fmt::format("{} points in the plane ({})", gallery.points.size(), what),
                   .points = gallery.points,
                   .low = {},
                   .high = {}};
  frame_points(frame.empty() ? gallery.points : frame, plot);
  const auto outside = std::count_if(plot.points.begin(), plot.points.end(), [&](const Point& p) {
    return !(p.x >= plot.low.x && p.x <= plot.high.x && p.y >= plot.low.y && p.y <= plot.high.y);
  });
  std::string out = "<figure class=\"cloud\">" + scatter_svg(plot, 340);
  if (outside > 0)
    out += fmt::format("<figcaption>{} of {} points lie outside the frame, which is that of the data.</figcaption>",
                       outside, plot.points.size());
  return out + "</figure>\n";
}

/// At most five characters: there are many columns on a phone.
std::string short_number(double value) {
  const double size = std::abs(value);
  if (size > 0 && size < 0.0005) return "≈0";
  const int decimals = size >= 9.95 || size == 0 ? 0 : size >= 0.995 ? 1 : size >= 0.0995 ? 2 : 3;
  return fmt::format("{:.{}f}", value, decimals);
}

/// A row of the head of a time path: its name and one cell a column.
template <class Cell>
std::string path_head_row(std::string_view name, const TimePath& path, const Cell& cell) {
  std::string out = fmt::format("<tr><th scope=\"row\">{}</th>", name);
  for (const TimePath::Column& column : path.columns) out += "<td>" + cell(column) + "</td>";
  return out + "</tr>\n";
}

/// Width of a column: the page is 800 wide, the names of the rows take 54 of it. Small pictures are shown at the
/// largest whole multiple that fits; a narrower screen shrinks them all.
int path_cell(const TimePath& path) {
  const int room = std::clamp(746 / static_cast<int>(path.columns.size()) - 8, 20, kLargestShown);
  if (path.rows.empty() || path.rows.front().empty()) return std::min(room, 120);
  const int width = std::max(1, path.rows.front().front().width);
  return std::min(width >= room ? room : room / width * width, 2 * kThumbnail);
}

std::string path_head(const TimePath& path) {
  std::string out = "<thead>\n";
  out += path_head_row("<i>t</i>", path, [](const auto& c) { return short_number(c.t); });
  out += path_head_row("α", path, [](const auto& c) { return short_number(c.alpha); });
  out += path_head_row("σ", path, [](const auto& c) { return short_number(c.sigma); });
  out += path_head_row("signal", path, [](const auto& c) {
    const double power = c.alpha * c.alpha + c.sigma * c.sigma;
    const double share = power > 0 ? 100 * c.alpha * c.alpha / power : 0;
    return fmt::format(
        "<span class=\"share\" role=\"img\" aria-label=\"{:.0f} %\"><i style=\"width:{:.1f}%\"></i></span>", share,
        share);
  });
  return out + "</thead>\n";
}

}  // namespace

std::string facts_html(const std::vector<Fact>& facts, std::string_view kind) {
  if (facts.empty()) return "";
  std::string out = fmt::format("<dl class=\"{}\">\n", kind);
  for (const Fact& fact : facts)
    out += fmt::format("<div><dt>{}</dt><dd>{}</dd></div>\n", escape_markup(fact.label), escape_markup(fact.value));
  return out + "</dl>\n";
}

std::string paragraph_html(std::string_view text, std::string_view kind) {
  if (text.empty()) return "";
  const std::string attribute = kind.empty() ? "" : fmt::format(" class=\"{}\"", kind);
  return fmt::format("<p{}>{}</p>\n", attribute, escape_markup(text));
}

std::string command_html(std::string_view command) {
  if (command.empty()) return "";
  std::string words;  // each in a span that does not break: a browser would cut "--solver" behind its hyphens
  for (const std::string& word : split(command, ' '))
    words += fmt::format("{}<span>{}</span>", words.empty() ? "" : " ", escape_markup(word));
  return "<pre class=\"command\"><code>" + words + "</code></pre>\n";
}

std::string responsive_html(const std::function<std::string(int width)>& draw) {
  return fmt::format("<figure class=\"plot\"><div class=\"wide\">{}</div><div class=\"narrow\">{}</div></figure>\n",
                     draw(800), draw(344));
}

std::string gallery_html(const Gallery& gallery, std::string_view what, const std::vector<Point>& frame) {
  if (!gallery.points.empty()) return cloud_html(gallery, what, frame);
  if (gallery.pictures.empty()) return "";
  const bool captions = !gallery.captions.empty();
  const int cell = std::max(shown_width(gallery.pictures.front()), captions ? 72 : 0);
  std::string out = fmt::format("<div class=\"gallery{}\" style=\"--cell:{}px\">\n", cell <= 80 ? " small" : "", cell);
  for (std::size_t k = 0; k < gallery.pictures.size(); ++k) {
    const std::string image = image_html(gallery.pictures[k], alt_of(gallery, k, what));
    const std::string caption = k < gallery.captions.size() ? escape_markup(gallery.captions[k]) : "";
    out += captions ? fmt::format("<figure>{}<figcaption>{}</figcaption></figure>\n", image, caption) : image + "\n";
  }
  return out + "</div>\n";
}

std::string strip_html(const Gallery& gallery, std::string_view what, std::size_t most) {
  if (gallery.pictures.empty()) return "";
  const std::size_t count = std::min(most, gallery.pictures.size());
  std::string out = fmt::format("<div class=\"strip\" style=\"--cell:{}px\">\n", shown_width(gallery.pictures.front()));
  for (std::size_t k = 0; k < count; ++k) out += image_html(gallery.pictures[k], alt_of(gallery, k, what)) + "\n";
  return out + "</div>\n";
}

std::string time_path_html(const TimePath& path, std::string_view what) {
  if (path.empty()) return "";
  const int cell = path_cell(path);
  std::string out = fmt::format("<div class=\"scroll\"><table class=\"path\" style=\"--cell:{}px;--columns:{}\">\n",
                                cell, path.columns.size());
  out += path_head(path) + "<tbody>\n";
  for (std::size_t r = 0; r < path.rows.size(); ++r) {
    out += "<tr><td></td>";
    for (std::size_t c = 0; c < path.columns.size(); ++c) {
      out += "<td>";
      if (c < path.rows[r].size())
        out +=
            image_html(path.rows[r][c], fmt::format("{} {} at t = {}", what, r + 1, short_number(path.columns[c].t)));
      out += "</td>";
    }
    out += "</tr>\n";
  }
  if (!path.clouds.empty()) {
    out += "<tr><td></td>";
    for (std::size_t c = 0; c < path.columns.size(); ++c) {
      out += "<td>";
      if (c < path.clouds.size())
        out += scatter_svg({.title = fmt::format("{}s at t = {}", what, short_number(path.columns[c].t)),
                            .points = path.clouds[c],
                            .low = {},
                            .high = {}},
                           120);
      out += "</td>";
    }
    out += "</tr>\n";
  }
  return out + "</tbody>\n</table></div>\n";
}

}  // namespace scoresde
