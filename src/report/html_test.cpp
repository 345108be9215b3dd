#include "report/html.h"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "core/noise.h"
#include "test_paths.h"

namespace scoresde {
namespace {

/// A disc, ring, square or cross with soft edges, noised as alpha x + sigma z.
Image made_up_picture(int kind, std::uint64_t sample, double alpha, double sigma, int side = 28) {
  Image image{.width = side, .height = side, .channels = 1, .pixels = {}};
  std::vector<double> z(static_cast<std::size_t>(side * side));
  fill_normal({.seed = 7, .purpose = Purpose::test, .sample = sample}, z);
  const double c = 0.5 * (side - 1);
  const double r = side * (0.22 + 0.03 * static_cast<double>(sample % 5));
  for (int y = 0; y < side; ++y)
    for (int x = 0; x < side; ++x) {
      const double far = std::hypot(x - c, y - c);
      const double square = std::max(std::abs(x - c), std::abs(y - c));
      const double cross = std::min(std::abs(x - c), std::abs(y - c));
      const double edge = kind == 0   ? far - r
                          : kind == 1 ? std::abs(far - r) - 2
                          : kind == 2 ? square - r
                                      : cross - 2.5;
      const double value = std::clamp(0.5 - edge, 0.0, 1.0) * (0.6 + 0.4 * y / side) * 2 - 1;
      const double noised = alpha * value + sigma * z[static_cast<std::size_t>(y * side + x)];
      image.pixels.push_back(static_cast<std::uint8_t>(std::lround(std::clamp(127.5 * (noised + 1), 0.0, 255.0))));
    }
  return image;
}

Gallery made_up_gallery(std::size_t count, double sigma, bool captions) {
  static constexpr const char* kNames[] = {"Disc", "Ring", "Square", "T-shirt/top & <more>"};
  Gallery gallery;
  for (std::size_t k = 0; k < count; ++k) {
    gallery.pictures.push_back(made_up_picture(static_cast<int>(k % 4), k, 1, sigma));
    if (captions) gallery.captions.push_back(kNames[k % 4]);
  }
  return gallery;
}

TimePath made_up_path(bool back) {
  TimePath path;
  const int steps = back ? 16 : 8;  // 17 columns are more than a phone has room for
  for (int k = 0; k <= steps; ++k) {
    const double t = (back ? steps - k : k) / static_cast<double>(steps);
    const double alpha = std::cos(1.57 * t);
    path.columns.push_back({t, alpha, std::sqrt(1 - alpha * alpha)});
  }
  for (int r = 0; r < 4; ++r) {
    path.rows.emplace_back();
    for (const TimePath::Column& c : path.columns)
      path.rows.back().push_back(made_up_picture(r, static_cast<std::uint64_t>(r), c.alpha, c.sigma));
  }
  return path;
}

MetricsLog made_up_metrics() {
  std::vector<double> z(600);
  fill_normal({.seed = 3}, z);
  MetricsLog log;
  for (int k = 0; k < 600; ++k) {
    const double mean = 0.03 + 0.9 * std::exp(-k / 25.0);
    log.lines.push_back({{"step", k * 50.0},
                         {"images", k * 6400.0},
                         {"loss", mean * std::exp(0.25 * z[static_cast<std::size_t>(k)])},
                         {"images_per_second", k % 60 == 59 ? 700.0 : 1500 + 20 * z[static_cast<std::size_t>(k)]}});
    if (k % 40 == 0) log.lines.back()["validation"] = mean * 1.05;
  }
  return log;
}

ReportData made_up_report() {
  ReportData report;
  report.title = "Shapes <28 px> & more";
  report.subtitle =
      "A U-Net with 3.1 million weights learned the score of a variance-preserving process in six minutes.";
  report.facts = {{"training time", "6 min 00 s"}, {"images seen", "3,840,000"}, {"parameters", "3,142,657"},
                  {"validation loss", "0.0315"},   {"speed", "1,512 images/s"},  {"seed", "42"}};
  report.data_text = "60,000 grey pictures of 28 × 28 pixels in four classes.";
  report.data_facts = {{"source", "/usr/share/datasets/a/long/path/that/never/ends/shapes-train-images.idx3-ubyte.gz"},
                       {"items", "60,000"},
                       {"shape", "1x28x28"},
                       {"largest pairwise distance", "41.2 (2,000 items)"}};
  report.data = made_up_gallery(40, 0, true);
  report.process_text = "The process is vp: beta rises from 0.1 to 20 over t in [0, 1].";
  report.noising = made_up_path(false);
  report.schedule = {
      .title = "alpha and sigma over time", .x_label = "time t", .y_label = "", .y_scale = AxisScale::linear};
  report.schedule.series = {{.name = "α, what is left of the data"}, {.name = "σ, the noise"}};
  for (int k = 0; k <= 100; ++k) {
    const double alpha = std::cos(1.57 * k / 100.0);
    report.schedule.series[0].points.push_back({k / 100.0, alpha});
    report.schedule.series[1].points.push_back({k / 100.0, std::sqrt(1 - alpha * alpha)});
  }
  report.metrics = made_up_metrics();
  report.samples = {{"heun", "Second-order probability flow: the deterministic way back.", 35, 12.3, 64,
                     made_up_gallery(64, 0.05, false),
                     "scoresde sample runs/shapes --solver heun --nfe 35 -n 64 --seed 0 --out samples.png"},
                    {"ddim", "First-order exponential integrator.", 20, 7.1, 64, made_up_gallery(32, 0.15, false), ""},
                    {"predictor-corrector", "Reverse diffusion with a Langevin corrector.", 2000, 712, 64,
                     made_up_gallery(32, 0.1, false), ""}};
  report.denoising = made_up_path(true);
  report.charts = {{"Does it draw every class equally often?",
                    "Share of each class in the data and among 1,000 samples, "
                    "as a classifier sees them.",
                    {.title = "class shares",
                     .series = {"data", "samples"},
                     .names = {"T-shirt/top", "Trouser", "Pullover", "Ankle boot"},
                     .values = {{10, 11.3}, {10, 9.1}, {10, 0}, {10, 12.75}},
                     .unit = "%"}}};
  report.tables = {{"Distances",
                    "Smaller is nearer.",
                    {{"metric", "samples", "data against data"},
                     {{"KID × 10³", "8.1 ± 0.4", "0.02 ± 0.03"}, {"sliced W1", "0.041", "0.006"}}}}};
  report.next = {{"Draw more, faster.", "scoresde sample runs/shapes --solver dpm++-2m --nfe 10 -n 256 --out more.png"},
                 {"Train on your own pictures.", "scoresde train my-pictures/ --out runs/mine --minutes 30"}};
  report.config = "[sde]\nname = \"vp\"\n\n[net]\nchannels = 64  # <script>alert(1)</script>\n";
  report.versions = {{"ScoreSDE", "0.1.0"}, {"LibTorch", "1.13.1"}, {"machine", "2 cores"}};
  return report;
}

std::size_t count_of(std::string_view text, std::string_view part) {
  std::size_t count = 0;
  for (std::size_t at = 0; (at = text.find(part, at)) != std::string_view::npos; at += part.size()) ++count;
  return count;
}

/// What tests/check_report.sh finds in a page, and its exit code (77: no browser).
struct Verdict {
  int code = -1;
  std::string text = {};
};

Verdict browser_verdict(const fs::path& page, const char* screenshots = nullptr) {
  const std::string command = "'" SCORESDE_SOURCE_DIR "/tests/check_report.sh' '" + page.string() + "'" +
                              (screenshots ? " '" + std::string(screenshots) + "'" : "") + " 2>&1";
  Verdict verdict;
  FILE* pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) return verdict;
  std::array<char, 4096> piece{};
  while (const std::size_t got = std::fread(piece.data(), 1, piece.size(), pipe))
    verdict.text.append(piece.data(), got);
  const int status = ::pclose(pipe);
  if (WIFEXITED(status)) verdict.code = WEXITSTATUS(status);
  return verdict;
}

fs::path page_in_temp(const std::string& html) {
  const fs::path page =
      fs::path(::testing::TempDir()) /
      (std::string("scoresde_") + ::testing::UnitTest::GetInstance()->current_test_info()->name() + ".html");
  write_atomically(page, html);
  return page;
}

TEST(Report, HoldsEverythingAndEscapesIt) {
  const std::string html = report_html(made_up_report());
  EXPECT_EQ(html.find("<script"), std::string::npos);
  EXPECT_EQ(html.find("http://"), html.find("http://www.w3.org/2000/svg"));
  EXPECT_EQ(count_of(html, "<img "), 14u + 40 + 4 * 9 + 64 + 32 + 32 + 4 * 17);
  EXPECT_EQ(count_of(html, "<img "), count_of(html, "src=\"data:image/png;base64,"));
  EXPECT_EQ(count_of(html, "<img "), count_of(html, " alt=\""));
  for (const char* text : {"Shapes &lt;28 px&gt; &amp; more", "On held-out data the loss went from",
                           "<span>--solver</span> <span>dpm++-2m</span>", "&lt;script&gt;alert(1)&lt;/script&gt;",
                           "2,000 network evaluations a sample"})
    EXPECT_NE(html.find(text), std::string::npos) << text;
  for (const char* id : {"data", "noise", "training", "samples", "path", "measurements", "next", "details"})
    EXPECT_EQ(count_of(html, "<section id=\"" + std::string(id) + "\">"), 1u) << id;
  EXPECT_EQ(html, report_html(made_up_report()));
}

TEST(Report, AnEmptyRunGivesAPage) {
  const std::string html = report_html({});
  EXPECT_NE(html.find("</html>"), std::string::npos);
  EXPECT_EQ(count_of(html, "<section"), 0u);
}

TEST(Report, TwoDimensionalDataIsDrawnAsPoints) {
  ReportData report;
  for (int k = 0; k < 500; ++k) report.data.points.push_back({std::cos(k), std::sin(k)});
  SampleBlock block{
      .solver = "euler", .summary = "", .nfe = 10, .seconds = 0.1, .count = 0, .gallery = report.data, .command = ""};
  block.gallery.points.push_back({50, 50});
  report.samples = {block};
  report.noising.columns = {{0, 1, 0}, {1, 0, 1}};
  report.noising.clouds = {report.data.points, report.data.points};
  const std::string html = report_html(report);
  EXPECT_EQ(count_of(html, "<svg"), 4u);
  EXPECT_NE(html.find("1 of 501 points lie outside"), std::string::npos);
}

TEST(Report, AClassifierShowsItsAccuracy) {
  ReportData report{.loss_text = "The loss is the cross-entropy."};
  for (int k = 0; k < 5; ++k)
    report.metrics.lines.push_back({{"step", k * 1.0}, {"loss", 1.0 / (k + 1)}, {"accuracy", 0.8 + 0.02 * k}});
  const std::string html = report_html(report);
  EXPECT_NE(html.find("<h3>Accuracy</h3>"), std::string::npos);
  EXPECT_NE(html.find("The loss is the cross-entropy. In training the loss went from 1.00 to"), std::string::npos);
  EXPECT_EQ(html.find("guess of the noise"), std::string::npos);
}

TEST(Report, ABrowserFindsNothingWrong) {
  const fs::path page = page_in_temp(report_html(made_up_report()));
  // SCORESDE_SCREENSHOTS=FOLDER leaves pictures of the made-up report there, to be looked at.
  const Verdict verdict = browser_verdict(page, std::getenv("SCORESDE_SCREENSHOTS"));
  if (verdict.code == 77) GTEST_SKIP() << "no chromium on this machine: the report was not looked at in a browser";
  EXPECT_EQ(verdict.code, 0) << verdict.text;
  if (verdict.code == 0) fs::remove(page);
}

TEST(Report, TheBrowserCheckFindsWhatIsWrong) {
  std::string html = report_html({.title = "x"});
  html.insert(html.find("<main>"),
              "<img alt=\"torn\" src=\"data:image/png;base64,AAAA\"><img alt=\"beside\" src=\"elsewhere.png\">"
              "<img src=\"data:image/gif;base64,R0lGODlhAQABAIAAAP///wAAACwAAAAAAQABAAACAkQBADs=\">"
              "<link rel=\"stylesheet\" href=\"https://example.org/a.css\"><script>throw 1</script>"
              "<div id=\"data\" style=\"width:3000px\">wide</div><p id=\"data\"></p>"
              "<svg width=\"90\" height=\"40\"><text y=\"20\">one</text><text y=\"20\" x=\"2\">two</text>"
              "<text y=\"20\" x=\"80\">three</text></svg>");
  const fs::path page = page_in_temp(html);
  const Verdict verdict = browser_verdict(page);
  fs::remove(page);
  if (verdict.code == 77) GTEST_SKIP() << "no chromium on this machine";
  EXPECT_EQ(verdict.code, 1);
  for (const char* finding :
       {"1200 px: missing picture: torn", "400 px: missing picture: beside", "without alternative text",
        "outside resource: https://example.org/a.css", "Executing inline script", "console: ", "id twice: data",
        "px wide in a window of 400", "'one' lies on 'two'", "'three' is cut off"})
    EXPECT_NE(verdict.text.find(finding), std::string::npos) << finding << " is not in:\n" << verdict.text;
}

}  // namespace
}  // namespace scoresde
