#include "report/plot.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/text.h"
#include "report/metrics_log.h"
#include "report/ticks.h"

namespace scoresde {
namespace {

std::string labels(const std::vector<Tick>& ticks) {
  std::string out;
  for (const Tick& tick : ticks) out += (out.empty() ? "" : " ") + tick.label;
  return out;
}

TEST(Ticks, LinearOnesAreRound) {
  EXPECT_EQ(labels(linear_ticks(0, 1, 6)), "0 0.2 0.4 0.6 0.8 1.0");
  EXPECT_EQ(labels(linear_ticks(0, 1, 5)), "0 0.5 1.0");
  EXPECT_EQ(labels(linear_ticks(0, 60000, 7)), "0 10,000 20,000 30,000 40,000 50,000 60,000");
  EXPECT_EQ(labels(linear_ticks(0, 1.3e6, 6)), "0 0.5M 1.0M");
  EXPECT_EQ(labels(linear_ticks(0, 420000, 6)), "0 100k 200k 300k 400k");
  EXPECT_EQ(labels(linear_ticks(-0.13, 0.11, 5)), "−0.10 −0.05 0 0.05 0.10");
  EXPECT_EQ(labels(linear_ticks(0, 3e-7, 4)), "0 10⁻⁷ 2×10⁻⁷ 3×10⁻⁷");
  EXPECT_TRUE(linear_ticks(1, 1, 5).empty());
}

TEST(Ticks, NeverMoreThanAskedForAndAlwaysInside) {
  for (double low : {-1e9, -3.7, 0.0, 1e-9, 0.2, 5.0, 99999.0})
    for (double extent : {1e-6, 0.31, 1.0, 7.0, 1e3, 2.5e7})
      for (int most : {2, 3, 5, 8}) {
        const double high = low + extent;
        const auto ticks = linear_ticks(low, high, most);
        EXPECT_LE(static_cast<int>(ticks.size()), most) << low << " " << high;
        EXPECT_GE(ticks.size(), most >= 5 ? 2u : 0u) << low << " " << high << " " << most;
        for (const Tick& tick : ticks) {
          EXPECT_GE(tick.value, low - 1e-6 * extent);
          EXPECT_LE(tick.value, high + 1e-6 * extent);
        }
        if (low <= 0) continue;
        for (const Tick& tick : logarithmic_ticks(low, high, most)) {
          EXPECT_GE(tick.value, low * (1 - 1e-6));
          EXPECT_LE(tick.value, high * (1 + 1e-6));
        }
        EXPECT_LE(static_cast<int>(logarithmic_ticks(low, high, most).size()), most) << low << " " << high;
      }
}

TEST(Ticks, LogarithmicOnesFollowTheRange) {
  EXPECT_EQ(labels(logarithmic_ticks(0.02, 1.5, 6)), "0.02 0.05 0.1 0.2 0.5 1");
  EXPECT_EQ(labels(logarithmic_ticks(0.001, 100, 6)), "0.001 0.01 0.1 1 10 100");
  EXPECT_EQ(labels(logarithmic_ticks(1e-6, 1e6, 6)), "10⁻⁶ 0.001 1 1,000 10⁶");
  EXPECT_EQ(labels(logarithmic_ticks(2.1, 4.6, 6)), "2.5 3.0 3.5 4.0 4.5");
}

TEST(Ticks, NumbersAsAPersonWritesThem) {
  EXPECT_EQ(number_text(0.031249), "0.0312");
  EXPECT_EQ(number_text(12345.6), "12,346");
  EXPECT_EQ(number_text(9.999), "10.00");
  EXPECT_EQ(number_text(1.2e-5, 2), "1.2×10⁻⁵");
  EXPECT_EQ(number_text(-0.5, 2), "−0.50");
  EXPECT_EQ(number_text(0), "0");
}

TEST(LinePlot, DrawsEverySeriesAndLeavesGaps) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  LinePlot plot{.title = "a <b>", .x_label = "x"};
  plot.y_scale = AxisScale::logarithmic;
  plot.series = {{.name = "one & two", .points = {{0, 1}, {1, nan}, {2, 10}, {3, 0}, {4, 100}, {5, 50}}}};
  const std::string svg = line_plot_svg(plot);
  EXPECT_NE(svg.find("a &lt;b&gt;"), std::string::npos);
  EXPECT_NE(svg.find("one &amp; two"), std::string::npos);
  EXPECT_EQ(svg.find("nan"), std::string::npos);
  const std::size_t path = svg.find("stroke-width=\"2.2\"");
  const std::string d = svg.substr(svg.rfind("d=\"", path), path - svg.rfind("d=\"", path));
  EXPECT_EQ(std::count(d.begin(), d.end(), 'M'), 3) << d;  // the NaN and the 0 break the line
  EXPECT_EQ(std::count(d.begin(), d.end(), 'L'), 1) << d;
}

TEST(LinePlot, AMillionPointsStaySmallAndKeepTheirPeak) {
  Series series{.name = "loss"};
  for (int k = 0; k < 1000000; ++k) series.points.push_back({static_cast<double>(k), k == 654321 ? 9.0 : 1.0});
  LinePlot plot{.title = "t", .x_label = "", .y_label = ""};
  plot.y_scale = AxisScale::linear;
  plot.series = {series};
  const std::string svg = line_plot_svg(plot);
  EXPECT_LT(svg.size(), 30000u);
  plot.series[0].points[654321].y = 1.0;
  EXPECT_NE(svg, line_plot_svg(plot));
}

TEST(LinePlot, NothingToShowIsSaid) {
  EXPECT_NE(line_plot_svg({}).find("nothing to show"), std::string::npos);
  LinePlot plot{.title = "", .x_label = "", .y_label = ""};
  plot.series = {{.name = "all bad", .points = {{0, std::nan("")}, {std::nan(""), 1}}}};
  EXPECT_NE(line_plot_svg(plot).find("nothing to show"), std::string::npos);
  EXPECT_NE(bar_chart_svg({}).find("nothing to show"), std::string::npos);
  EXPECT_NE(scatter_svg({}).find("nothing to show"), std::string::npos);
}

TEST(BarChart, OneBarAValue) {
  const BarChart chart{.title = "shares",
                       .series = {"data", "samples"},
                       .names = {"shirt", "bag"},
                       .values = {{10, 20}, {5, std::nan("")}},
                       .unit = "%"};
  const std::string svg = bar_chart_svg(chart);
  std::size_t bars = 0;
  for (std::size_t at = 0; (at = svg.find("<rect", at)) != std::string::npos; ++at) ++bars;
  EXPECT_EQ(bars, 2u + 3u);  // two in the legend
  EXPECT_NE(svg.find(">20%<"), std::string::npos);
}

TEST(Metrics, ATornLastLineIsSkipped) {
  const MetricsLog log = parse_metrics(
      "{\"step\": 1, \"loss\": 0.5}\n\n{\"step\": 2, \"loss\": null, \"note\": \"x\"}\n"
      "{\"step\": 3, \"loss\": 0.25, \"validation\": 0.3}\n{\"step\": 4, \"lo");
  EXPECT_EQ(log.lines.size(), 3u);
  EXPECT_EQ(log.skipped, 1u);
  const auto curve = log.curve("step", "loss");
  ASSERT_EQ(curve.size(), 2u);
  EXPECT_EQ(curve[1].y, 0.25);
  EXPECT_TRUE(log.has("validation"));
  EXPECT_FALSE(log.has("note"));
}

TEST(Metrics, LinesRepeatedAfterAResumeReplaceTheOldOnes) {
  std::string text;
  for (int step = 1; step <= 10; ++step) text += "{\"step\":" + std::to_string(step) + ",\"loss\":1}\n";
  for (int step = 6; step <= 8; ++step) text += "{\"step\":" + std::to_string(step) + ",\"loss\":2}\n";
  const auto curve = parse_metrics(text).curve("step", "loss");
  ASSERT_EQ(curve.size(), 8u);
  EXPECT_EQ(curve[4].y, 1);
  EXPECT_EQ(curve[5].y, 2);
  EXPECT_TRUE(read_metrics("no/such/metrics.jsonl").empty());
}

TEST(Metrics, SmoothingKeepsALineAndAMean) {
  std::vector<Point> line;
  for (int k = 0; k < 20; ++k) line.push_back({static_cast<double>(k), 3.0 * k});
  const auto mean = smoothed(line, 7);
  ASSERT_EQ(mean.size(), line.size());
  for (std::size_t k = 0; k < line.size(); ++k) EXPECT_NEAR(mean[k].y, line[k].y, 1e-12);
  EXPECT_TRUE(smoothed({}, 5).empty());
}

}  // namespace
}  // namespace scoresde
