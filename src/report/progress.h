#pragma once
#include <cstddef>
#include <functional>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>

namespace scoresde {

enum class ProgressMode {
  automatic,  ///< terminal where stderr is one, else lines
  terminal,   ///< one line, rewritten in place and cleared at the end
  lines,      ///< a plain line every few seconds: for log files and CI
  quiet       ///< nothing at all
};

struct ProgressOptions {
  ProgressMode mode = ProgressMode::automatic;
  std::size_t columns = 0;        ///< width of the terminal; 0: asked for, at most 80
  double line_period = 5;         ///< seconds between plain lines
  std::ostream* out = nullptr;    ///< nullptr: stderr
  std::function<double()> clock;  ///< seconds, never going back; empty: the steady clock
};

/// What a long task tells its user: done of total, rate, time left, and a free text such as the loss or the NFE.
/// ```
/// Progress progress("sampling", 64, "images", {.mode = quiet ? ProgressMode::quiet : ProgressMode::automatic});
/// for (...) progress.update(k, "NFE 18");
/// ```
/// update() may be called as often as wished: it draws ten times a second at most. The rate is that of the last ten
/// seconds or so, so the time left follows a change of speed, and a resumed run (first done > 0) starts right.
/// One thread at a time.
class Progress {
 public:
  /// `total` <= 0: not known; then there is no percentage and no time left.
  Progress(std::string label, double total, std::string unit, ProgressOptions options = {});
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// `seconds_left` overrides the estimate where the caller knows better (a budget in minutes). `text` is shortened
  /// where the line would be longer than the terminal.
  void update(double done, std::string_view text = {}, std::optional<double> seconds_left = std::nullopt);

  /// A line that stays: printed above the progress line.
  void note(std::string_view line);

  /// Clears the line of a terminal; otherwise writes the last state once. The destructor calls it.
  void finish();

  /// "training  12,800/60,000 images  21%  1,530/s  ETA 42.1 s  loss 0.0432", at most `columns` wide.
  std::string line(std::size_t columns) const;

 private:
  void draw();
  void measure_rate(double now);

  std::string label_, unit_;
  double total_;
  ProgressOptions options_;
  std::string text_;
  std::optional<double> seconds_left_;
  double done_ = 0;
  double rate_ = 0;                       // units a second; 0: not known yet
  double rate_done_ = 0, rate_time_ = 0;  // where the rate was last measured
  double start_done_ = 0, start_time_ = 0;
  double drawn_time_ = 0;
  bool started_ = false, drawn_ = false, stale_ = false, finished_ = false;
};

}  // namespace scoresde
