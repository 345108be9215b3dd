#pragma once
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/file.h"
#include "report/plot.h"

namespace scoresde {

/// metrics.jsonl: one JSON object a line, numbers by name ("step", "images", "loss", ...). Not every line has every
/// name.
struct MetricsLog {
  std::vector<std::map<std::string, double>> lines;
  std::size_t skipped = 0;  ///< lines that are no JSON object: a run that was killed leaves its last one torn

  bool empty() const { return lines.empty(); }
  bool has(std::string_view name) const;

  /// (x, y) of the lines that have both, NaN and infinities (null in JSON) left out.
  std::vector<Point> curve(const std::string& x, const std::string& y) const;
};

/// Reads the file as far as it makes sense; a file that is absent is an empty log. Where "step" goes back (a run that
/// was resumed from an older checkpoint), the lines it repeats replace those before.
MetricsLog read_metrics(const fs::path& path);
MetricsLog parse_metrics(std::string_view text);

/// Mean over the nearest `window` points around each one, smaller windows at the ends: no lag, unlike an exponential
/// mean.
std::vector<Point> smoothed(const std::vector<Point>& points, std::size_t window);

}  // namespace scoresde
