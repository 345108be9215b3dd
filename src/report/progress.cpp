#include "report/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <iostream>

#include "core/clock.h"
#include "core/text.h"
#include "report/utf8.h"

namespace scoresde {
namespace {

constexpr double kDrawPeriod = 0.1;
constexpr double kRateWindow = 10;

bool stderr_is_terminal() {
  const char* term = std::getenv("TERM");
  return ::isatty(STDERR_FILENO) != 0 && term != nullptr && std::string_view(term) != "dumb";
}

std::size_t terminal_columns() {
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return std::min<std::size_t>(size.ws_col, 80);
}

/// 3 significant figures for small rates, whole numbers for large ones.
std::string rate_text(double rate) {
  if (rate >= 100) return grouped(std::llround(rate)) + "/s";
  if (rate >= 0.1) return fmt::format("{:.3g}/s", rate);
  return fmt::format("{:.3g} s each", 1 / rate);
}

std::string count_text(double value) {
  return value == std::floor(value) ? grouped(static_cast<long long>(value)) : fmt::format("{:.1f}", value);
}

}  // namespace

Progress::Progress(std::string label, double total, std::string unit, ProgressOptions options)
    : label_(printable(label)), unit_(printable(unit)), total_(total), options_(std::move(options)) {
  if (options_.mode == ProgressMode::automatic)
    options_.mode = stderr_is_terminal() ? ProgressMode::terminal : ProgressMode::lines;
  if (options_.columns == 0) options_.columns = terminal_columns();
  if (options_.out == nullptr) options_.out = &std::cerr;
  if (!options_.clock) options_.clock = [watch = Stopwatch()] { return watch.seconds(); };
  start_time_ = rate_time_ = drawn_time_ = options_.clock();
}

Progress::~Progress() {
  try {
    finish();
  } catch (...) {  // a stream that throws must not end the program from a destructor
  }
}

void Progress::measure_rate(double now) {
  const double elapsed = now - rate_time_;
  if (elapsed < kDrawPeriod) return;
  const double recent = (done_ - rate_done_) / elapsed;
  const double total_elapsed = now - start_time_;
  // Until the window is full every second counts alike; from then on the old ones fade.
  const double weight = elapsed / std::min(total_elapsed, std::max(kRateWindow, elapsed));
  rate_ += std::clamp(weight, 0.0, 1.0) * (recent - rate_);
  rate_done_ = done_;
  rate_time_ = now;
}

void Progress::update(double done, std::string_view text, std::optional<double> seconds_left) {
  if (options_.mode == ProgressMode::quiet || finished_) return;
  const double now = options_.clock();
  if (!started_) {
    start_done_ = rate_done_ = done;
    start_time_ = rate_time_ = now;
    started_ = true;
  }
  done_ = done;
  text_ = printable(text);
  seconds_left_ = seconds_left;
  stale_ = true;
  measure_rate(now);
  const double period = options_.mode == ProgressMode::terminal ? kDrawPeriod : options_.line_period;
  const bool first_on_terminal = !drawn_ && options_.mode == ProgressMode::terminal;
  if (first_on_terminal || now - drawn_time_ >= period) {
    draw();
    drawn_time_ = now;
  }
}

void Progress::draw() {
  // The last column stays free: a character there makes some terminals wrap.
  if (options_.mode == ProgressMode::terminal)
    *options_.out << "\r\x1b[2K" << line(options_.columns - 1) << std::flush;
  else
    *options_.out << line(80) << '\n' << std::flush;
  drawn_ = true;
  stale_ = false;
}

void Progress::note(std::string_view text) {
  if (options_.mode == ProgressMode::quiet) return;
  const bool shown = options_.mode == ProgressMode::terminal && drawn_ && !finished_;
  *options_.out << (shown ? "\r\x1b[2K" : "") << printable(text) << '\n' << std::flush;
  if (shown) draw();
}

void Progress::finish() {
  if (finished_) return;
  finished_ = true;
  if (options_.mode == ProgressMode::terminal && drawn_) *options_.out << "\r\x1b[2K" << std::flush;
  if (options_.mode == ProgressMode::lines && stale_) draw();
}

std::string Progress::line(std::size_t columns) const {
  std::string out = label_ + "  " + count_text(done_);
  if (total_ > 0) out += "/" + count_text(total_);
  if (!unit_.empty()) out += " " + unit_;
  if (total_ > 0) out += fmt::format("  {:.0f}%", std::floor(100 * std::clamp(done_ / total_, 0.0, 1.0)));
  if (rate_ > 0) out += "  " + rate_text(rate_);
  if (seconds_left_)
    out += "  ETA " + duration_text(*seconds_left_);
  else if (total_ > done_ && rate_ > 0)
    out += "  ETA " + duration_text((total_ - done_) / rate_);
  if (!text_.empty()) out += "  " + text_;
  return fit_width(out, columns);
}

}  // namespace scoresde
