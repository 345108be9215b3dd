#include "report/html.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/text.h"
#include "report/html_parts.h"
#include "report/markup.h"

namespace scoresde {
namespace {

/// Sections in the order of the page; the empty ones are dropped, and the rest make the list of links at its head.
struct HtmlSection {
  std::string id, title, body;
};

std::string x_name(const MetricsLog& metrics) { return metrics.has("images") ? "images" : "step"; }
std::string x_caption(const MetricsLog& metrics) {
  return metrics.has("images") ? "training images seen" : "optimiser steps";
}

HtmlSection data_section(const ReportData& report) {
  std::string body = paragraph_html(report.data_text);
  if (!report.data.pictures.empty()) body += paragraph_html("Some of the items themselves:", "note");
  if (!report.data.points.empty())
    body += paragraph_html("Every dot is one item; the model has to learn where dots are likely.", "note");
  body += gallery_html(report.data, "training image") + facts_html(report.data_facts, "list");
  return {"data", "What it learned from", body};
}

constexpr const char* kNoisingRows =
    "Training shows the network items that were noised on purpose: at time t an item x becomes αx + σz, with z pure "
    "noise. From left to right each row is one item from untouched to unrecognisable; the bar shows how much of the "
    "variance is still signal.";
constexpr const char* kNoisingClouds =
    "Training shows the network items that were noised on purpose: at time t an item x becomes αx + σz, with z pure "
    "noise. From left to right the cloud of all items loses its shape; the bar shows how much of the variance is still "
    "signal.";

HtmlSection process_section(const ReportData& report) {
  if (report.noising.empty() && report.process_text.empty() && report.schedule.series.empty()) return {};
  std::string body = paragraph_html(report.process_text);
  if (!report.noising.empty()) {
    body += paragraph_html(report.noising.clouds.empty() ? kNoisingRows : kNoisingClouds);
    body += time_path_html(report.noising, "item");
    if (!report.noising.clouds.empty()) body += paragraph_html("Every frame is scaled to its own points.", "note");
  }
  if (!report.schedule.series.empty())
    body += responsive_html([&](int width) { return line_plot_svg(report.schedule, width); });
  return {"noise", "How data becomes noise", body};
}

/// "On held-out data the loss went from 0.21 to 0.032."
std::string loss_sentence(const MetricsLog& metrics) {
  const bool held_out = metrics.has("validation");
  const std::vector<Point> curve =
      held_out ? metrics.curve(x_name(metrics), "validation") : smoothed(metrics.curve(x_name(metrics), "loss"), 50);
  if (curve.size() < 2) return "";
  const auto best = std::min_element(curve.begin(), curve.end(), [](Point a, Point b) { return a.y < b.y; });
  std::string text = fmt::format("{} the loss went from {} to {}", held_out ? "On held-out data" : "In training",
                                 number_text(curve.front().y), number_text(curve.back().y));
  if (best->y < curve.back().y * 0.995) text += fmt::format(", its lowest value being {}", number_text(best->y));
  return text + ".";
}

constexpr const char* kDenoisingLoss =
    "The loss says how far the network's guess of the noise is from the noise that was added; lower is better, and it "
    "cannot reach zero, because part of the noise is unknowable.";

HtmlSection training_section(const ReportData& report) {
  std::string body = paragraph_html(report.training_text);
  const LinePlot loss = loss_plot(report.metrics);
  const LinePlot speed = speed_plot(report.metrics);
  if (loss.series.empty() && body.empty()) return {};
  if (!loss.series.empty()) {
    const std::string meaning = report.loss_text.empty() ? kDenoisingLoss : report.loss_text;
    body += paragraph_html(meaning + " " + loss_sentence(report.metrics));
    body += responsive_html([&](int width) { return line_plot_svg(loss, width); });
    if (report.metrics.has("validation"))
      body += paragraph_html(
          "A validation curve that turns upward while the training curve still falls means the network begins to "
          "memorise.",
          "note");
  }
  if (const LinePlot accuracy = accuracy_plot(report.metrics); !accuracy.series.empty()) {
    body += "<h3>Accuracy</h3>\n" + paragraph_html("Share of the held-out items that are given their right class.");
    body += responsive_html([&](int width) { return line_plot_svg(accuracy, width); });
  }
  if (!speed.series.empty()) {
    body +=
        "<h3>Speed</h3>\n" +
        paragraph_html(
            "How many items the network was shown every second. Short dips are usually validation, sample pictures or "
            "checkpoints.");
    body += responsive_html([&](int width) { return line_plot_svg(speed, width); });
  }
  return {"training", "How learning went", body};
}

int drawn_count(const SampleBlock& block) {
  return block.count > 0 ? block.count : static_cast<int>(block.gallery.pictures.size() + block.gallery.points.size());
}

std::string sample_block_html(const SampleBlock& block, const ReportData& report) {
  std::string out = "<h3>" + escape_markup(block.solver) + "</h3>\n" + paragraph_html(block.summary);
  std::string meta;
  if (block.nfe > 0) meta += fmt::format("{} network evaluations a sample", grouped(block.nfe));
  if (block.seconds > 0)
    meta += fmt::format("{}{} samples in {}", meta.empty() ? "" : " · ", grouped(drawn_count(block)),
                        duration_text(block.seconds));
  out += paragraph_html(meta, "meta");
  out += gallery_html(block.gallery, fmt::format("{} sample", block.solver), report.data.points);
  return out + command_html(block.command);
}

/// A toy's sample takes microseconds, where duration_text has whole milliseconds.
std::string short_duration(double seconds) {
  return seconds < 0.01 ? number_text(1e3 * seconds, 2) + " ms" : duration_text(seconds);
}

std::string solver_table_html(const std::vector<SampleBlock>& blocks) {
  Table table{{"solver", "evaluations", "time a sample", "samples a second"}, {}};
  for (const SampleBlock& block : blocks) {
    const int count = drawn_count(block);
    const bool timed = block.seconds > 0 && count > 0;
    table.rows.push_back({block.solver, block.nfe > 0 ? grouped(block.nfe) : "—",
                          timed ? short_duration(block.seconds / count) : "—",
                          timed ? number_text(count / block.seconds) : "—"});
  }
  return "<div class=\"scroll\">" + html_table(table) + "</div>\n";
}

HtmlSection samples_section(const ReportData& report) {
  if (report.samples.empty()) return {};
  std::string body = paragraph_html(
      "Nothing below is from the data: every sample began as pure noise and was carried back by a solver that asks the "
      "network, step after step, which way the data lies. A solver that asks less often is faster; look for what it "
      "loses.");
  if (report.samples.size() > 1) body += solver_table_html(report.samples);
  for (const SampleBlock& block : report.samples) body += sample_block_html(block, report);
  return {"samples", "What it draws", body};
}

constexpr const char* kWayBackRows =
    "The way back, left to right: each row is one sample on its way from noise to a finished item. Coarse shape is "
    "settled early, detail late.";
constexpr const char* kWayBackClouds =
    "The way back, left to right: the same points from pure noise to where the data lies.";

HtmlSection denoising_section(const ReportData& report) {
  if (report.denoising.empty()) return {};
  std::string body = paragraph_html(report.denoising.clouds.empty() ? kWayBackRows : kWayBackClouds);
  body += paragraph_html(report.denoising_text) + time_path_html(report.denoising, "sample");
  if (!report.denoising.clouds.empty()) body += paragraph_html("Every frame is scaled to its own points.", "note");
  return {"path", "From noise to sample", body};
}

HtmlSection measurements_section(const ReportData& report) {
  std::string body;
  for (const ReportPlot& plot : report.plots) {
    body += "<h3>" + escape_markup(plot.title) + "</h3>\n" + paragraph_html(plot.note);
    body += responsive_html([&](int width) { return line_plot_svg(plot.plot, width); });
  }
  for (const ReportChart& chart : report.charts) {
    body += "<h3>" + escape_markup(chart.title) + "</h3>\n" + paragraph_html(chart.note);
    body += responsive_html([&](int width) { return bar_chart_svg(chart.chart, width); });
  }
  for (const ReportTable& table : report.tables) {
    body += "<h3>" + escape_markup(table.title) + "</h3>\n" + paragraph_html(table.note);
    body += "<div class=\"scroll\">" + html_table(table.table) + "</div>\n";
  }
  return {"measurements", "Measurements", body};
}

HtmlSection pictures_section(const ReportData& report) {
  std::string body;
  for (const ReportGallery& gallery : report.galleries) {
    body += "<h3>" + escape_markup(gallery.title) + "</h3>\n" + paragraph_html(gallery.note);
    body += gallery_html(gallery.gallery, gallery.title);
  }
  return {"pictures", "Pictures", body};
}

HtmlSection next_section(const ReportData& report) {
  if (report.next.empty()) return {};
  std::string body = "<ol>\n";
  for (const Suggestion& suggestion : report.next)
    body += "<li>" + paragraph_html(suggestion.text) + command_html(suggestion.command) + "</li>\n";
  return {"next", "What to try next", body + "</ol>\n"};
}

HtmlSection details_section(const ReportData& report) {
  std::string body = facts_html(report.versions, "list");
  if (!report.config.empty())
    body += "<details><summary>The whole configuration, every default resolved</summary>\n" +
            paragraph_html("Saved as a .toml file and given to train --config, it repeats this run.", "note") +
            "<pre><code>" + escape_markup(report.config) + "</code></pre></details>\n";
  return {"details", "Details", body};
}

std::string header_html(const ReportData& report, const std::vector<HtmlSection>& sections) {
  std::string out =
      "<header>\n<h1>" + escape_markup(report.title) + "</h1>\n" + paragraph_html(report.subtitle, "subtitle");
  if (!report.samples.empty()) out += strip_html(report.samples.front().gallery, "sample", 14);
  out += facts_html(report.facts, "glance");
  if (sections.size() > 2) {
    out += "<nav aria-label=\"Sections\">";
    for (const HtmlSection& section : sections)
      out += fmt::format("<a href=\"#{}\">{}</a> ", section.id, escape_markup(section.title));
    out += "</nav>\n";
  }
  return out + "</header>\n";
}

}  // namespace

LinePlot loss_plot(const MetricsLog& metrics) {
  LinePlot plot{.title = "Loss during training", .x_label = x_caption(metrics), .y_label = "loss"};
  const std::vector<Point> train = metrics.curve(x_name(metrics), "loss");
  const std::vector<Point> validation = metrics.curve(x_name(metrics), "validation");
  if (train.size() >= 20) {
    plot.series.push_back({.name = "training", .points = train, .faint = true});
    plot.series.push_back({.name = "training, smoothed", .points = smoothed(train, train.size() / 20)});
  } else if (!train.empty()) {
    plot.series.push_back({.name = "training", .points = train, .markers = true});
  }
  if (!validation.empty())
    plot.series.push_back({.name = "validation", .points = validation, .markers = validation.size() <= 60});
  return plot;
}

LinePlot accuracy_plot(const MetricsLog& metrics) {
  LinePlot plot{.title = "Accuracy on held-out items",
                .x_label = x_caption(metrics),
                .y_label = "accuracy",
                .y_scale = AxisScale::linear};
  const std::vector<Point> accuracy = metrics.curve(x_name(metrics), "accuracy");
  if (!accuracy.empty())
    plot.series.push_back({.name = "accuracy", .points = accuracy, .markers = accuracy.size() <= 60});
  return plot;
}

LinePlot speed_plot(const MetricsLog& metrics) {
  LinePlot plot{.title = "Training speed",
                .x_label = x_caption(metrics),
                .y_label = "items a second",
                .y_scale = AxisScale::linear,
                .y_from_zero = true};
  const std::vector<Point> speed = metrics.curve(x_name(metrics), "images_per_second");
  if (speed.size() > 1) plot.series.push_back({.name = "items a second", .points = speed});
  return plot;
}

std::string report_html(const ReportData& report) {
  std::vector<HtmlSection> sections;
  for (const auto& make : {data_section, process_section, training_section, samples_section, denoising_section,
                           measurements_section, pictures_section, next_section, details_section}) {
    HtmlSection section = make(report);
    if (!section.body.empty()) sections.push_back(std::move(section));
  }
  std::string out = fmt::format(
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; style-src "
      "'unsafe-inline'\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<title>{} · ScoreSDE</title>\n<style>{}</style>\n</head>\n<body>\n",
      escape_markup(report.title), report_style());
  out += header_html(report, sections) + "<main>\n";
  for (const HtmlSection& section : sections)
    out += fmt::format("<section id=\"{}\">\n<h2>{}</h2>\n{}</section>\n", section.id, escape_markup(section.title),
                       section.body);
  return out + "</main>\n<footer>Written by ScoreSDE " SCORESDE_VERSION
               ". This file needs no other: keep it, mail it, print it.</footer>\n</body>\n</html>\n";
}

void write_report(const fs::path& path, const ReportData& report) { write_atomically(path, report_html(report)); }

}  // namespace scoresde
