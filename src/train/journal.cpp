#include "train/journal.h"

#include <sstream>

namespace scoresde {

namespace {

std::ofstream open_for_append(const fs::path& path) {
  std::ofstream out(path, std::ios::app);
  if (!out) fail(Failure::run, "{} cannot be written", path.string());
  return out;
}

std::string event_tag(const std::string& key) {
  if (key == "loss") return "loss/train";
  if (key == "validation") return "loss/validation";
  return "training/" + key;
}

}  // namespace

Journal::Journal(const fs::path& folder, std::optional<std::int64_t> last_step,
                 std::function<void(const std::string&)> echo)
    : log_(open_for_append(folder / "log.txt")), events_(folder, last_step), echo_(std::move(echo)) {
  truncate_metrics(folder / "metrics.jsonl", last_step.value_or(-1));
  metrics_ = open_for_append(folder / "metrics.jsonl");
}

void Journal::metrics(const Json& line) {
  metrics_ << shown(line) << '\n' << std::flush;
  std::vector<std::pair<std::string, double>> values;
  for (const auto& [key, value] : line.items())
    if (value.is_number() && key != "step") values.emplace_back(event_tag(key), value.get<double>());
  events_.scalars(line.at("step").get<std::int64_t>(), values);
  events_.flush();
}

void Journal::message(double seconds, const std::string& text) {
  log_ << fmt::format("{:9.1f} s  {}\n", seconds, text) << std::flush;
  if (echo_) echo_(text);
}

void truncate_metrics(const fs::path& path, long long step) {
  if (!fs::exists(path)) return;
  std::istringstream in(read_text(path));
  std::string kept;
  for (std::string line; std::getline(in, line);) {
    const Json json = parse_json(line);
    if (json.is_object() && json.contains("step") && json["step"].is_number_integer() &&
        json["step"].get<long long>() <= step)
      kept += line + '\n';
  }
  write_atomically(path, kept);
}

}  // namespace scoresde
