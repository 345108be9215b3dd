#pragma once
#include <string>
#include <vector>

#include "core/file.h"
#include "core/image.h"
#include "report/metrics_log.h"
#include "report/plot.h"
#include "report/table.h"

namespace scoresde {

/// The report of a run: everything it shows, as data. Every part may be empty; then its section is left out, or says
/// in a sentence what is missing where a reader would look for it. Texts are plain (escaped on output).

struct Fact {
  std::string label = {}, value = {};
};

/// What a set of samples looks like: pictures, or points for two-dimensional data.
struct Gallery {
  std::vector<Image> pictures = {};
  std::vector<std::string> captions = {};  ///< one a picture (its class), or none
  std::vector<Point> points = {};

  bool empty() const { return pictures.empty() && points.empty(); }
};

/// The same samples at several times of the process, in the order given: t rises for the noise process, falls for
/// the way back.
struct TimePath {
  struct Column {
    double t = 0, alpha = 1, sigma = 0;
  };
  std::vector<Column> columns = {};
  std::vector<std::vector<Image>> rows = {};    ///< [sample][column]
  std::vector<std::vector<Point>> clouds = {};  ///< [column], for two-dimensional data

  bool empty() const { return columns.empty() || (rows.empty() && clouds.empty()); }
};

struct SampleBlock {
  std::string solver = {};   ///< name as on the command line
  std::string summary = {};  ///< what it does, a sentence
  int nfe = 0;               ///< network evaluations a sample
  double seconds = 0;        ///< for all of `count` samples
  int count = 0;             ///< how many were drawn; 0: as many as are shown
  Gallery gallery = {};
  std::string command = {};  ///< that draws them again
};

/// Pictures under a heading and a sentence.
struct ReportGallery {
  std::string title = {}, note = {};
  Gallery gallery = {};
};

struct ReportTable {
  std::string title = {}, note = {};
  Table table = {};
};

struct ReportChart {
  std::string title = {}, note = {};
  BarChart chart = {};
};

struct ReportPlot {
  std::string title = {}, note = {};
  LinePlot plot = {};
};

struct Suggestion {
  std::string text = {}, command = {};
};

struct ReportData {
  std::string title = {};        ///< "Fashion-MNIST"
  std::string subtitle = {};     ///< a sentence: network, process, budget
  std::vector<Fact> facts = {};  ///< at a glance, four to eight

  std::string data_text = {};  ///< a sentence on the data
  std::vector<Fact> data_facts = {};
  Gallery data = {};

  std::string process_text = {};  ///< a sentence on the SDE: name and parameters
  TimePath noising = {};
  LinePlot schedule = {};  ///< alpha(t), sigma(t)

  MetricsLog metrics = {};  ///< metrics.jsonl
  std::string training_text = {};
  std::string loss_text = {};  ///< what the loss means and how to read it; empty: that of denoising

  std::vector<SampleBlock> samples = {};  ///< the first is the one the page opens with
  TimePath denoising = {};
  std::string denoising_text = {};

  std::vector<ReportGallery> galleries = {};  ///< pictures that belong together, such as those of a restored item

  std::vector<ReportPlot> plots = {};    ///< measurements as lines
  std::vector<ReportChart> charts = {};  ///< measurements as bars
  std::vector<ReportTable> tables = {};  ///< measurements as tables

  std::vector<Suggestion> next = {};
  std::string config = {};          ///< resolved, as TOML
  std::vector<Fact> versions = {};  ///< program, libraries, machine
};

/// One HTML file that needs nothing else: style, pictures and plots are inside, and a content security policy forbids
/// the browser to load anything. Follows the reader's light or dark setting, fits a phone, prints.
std::string report_html(const ReportData& report);

/// report_html to a file, replaced atomically.
void write_report(const fs::path& path, const ReportData& report);

/// The plots that metrics.jsonl allows: loss (each step, its mean, validation), accuracy (of a classifier) and speed;
/// empty where it says nothing.
LinePlot loss_plot(const MetricsLog& metrics);
LinePlot accuracy_plot(const MetricsLog& metrics);
LinePlot speed_plot(const MetricsLog& metrics);

}  // namespace scoresde
