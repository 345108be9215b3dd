#include "report/metrics_log.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

namespace scoresde {
namespace {

/// Two lines may share a step (training, validation); only where the step goes back, those from it on are old.
void drop_repeated(std::vector<std::map<std::string, double>>& lines, double step) {
  const auto old = [&](double least) {
    return !lines.empty() && lines.back().count("step") > 0 && lines.back()["step"] > least;
  };
  if (!old(step)) return;
  while (old(step) || (!lines.empty() && lines.back().count("step") > 0 && lines.back()["step"] == step))
    lines.pop_back();
}

}  // namespace

bool MetricsLog::has(std::string_view name) const {
  return std::any_of(lines.begin(), lines.end(), [&](const auto& line) { return line.count(std::string(name)) > 0; });
}

std::vector<Point> MetricsLog::curve(const std::string& x, const std::string& y) const {
  std::vector<Point> points;
  for (const auto& line : lines) {
    const auto at_x = line.find(x);
    const auto at_y = line.find(y);
    if (at_x != line.end() && at_y != line.end()) points.push_back({at_x->second, at_y->second});
  }
  return points;
}

MetricsLog parse_metrics(std::string_view text) {
  MetricsLog log;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    const nlohmann::json json = nlohmann::json::parse(line, nullptr, false);
    if (!json.is_object()) {
      ++log.skipped;
      continue;
    }
    std::map<std::string, double> values;
    for (const auto& [name, value] : json.items())
      if (value.is_number() && std::isfinite(value.get<double>())) values[name] = value.get<double>();
    if (const auto step = values.find("step"); step != values.end()) drop_repeated(log.lines, step->second);
    log.lines.push_back(std::move(values));
  }
  return log;
}

MetricsLog read_metrics(const fs::path& path) {
  return fs::exists(path) ? parse_metrics(read_text(path)) : MetricsLog{};
}

std::vector<Point> smoothed(const std::vector<Point>& points, std::size_t window) {
  std::vector<double> sums(points.size() + 1, 0);
  for (std::size_t k = 0; k < points.size(); ++k) sums[k + 1] = sums[k] + points[k].y;
  std::vector<Point> out;
  for (std::size_t k = 0; k < points.size(); ++k) {
    const std::size_t half = std::min({window / 2, k, points.size() - 1 - k});
    out.push_back({points[k].x, (sums[k + half + 1] - sums[k - half]) / static_cast<double>(2 * half + 1)});
  }
  return out;
}

}  // namespace scoresde
