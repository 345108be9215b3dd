#pragma once
#include <fstream>
#include <functional>
#include <optional>
#include <string>

#include "core/config.h"
#include "core/file.h"
#include "report/tensorboard.h"

namespace scoresde {

/// What a run writes down in its folder: metrics.jsonl for programs, the same numbers for TensorBoard, and log.txt for
/// people. A kill may tear the last line and leave lines of steps that will be taken again: opening takes both away.
class Journal {
 public:
  /// last_step: the step a resumed run goes on from; empty: a fresh run. `echo` receives every message too.
  Journal(const fs::path& folder, std::optional<std::int64_t> last_step, std::function<void(const std::string&)> echo);

  /// One line of metrics.jsonl; "step" is an entry of it.
  void metrics(const Json& line);

  /// One line of log.txt, with the seconds spent in front.
  void message(double seconds, const std::string& text);

 private:
  std::ofstream metrics_, log_;
  EventWriter events_;
  std::function<void(const std::string&)> echo_;
};

/// Removes from a metrics.jsonl what comes after `step` and what is no line of JSON.
void truncate_metrics(const fs::path& path, long long step);

}  // namespace scoresde
