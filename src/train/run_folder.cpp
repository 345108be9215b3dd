#include "train/run_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>

namespace scoresde {
namespace {

constexpr std::string_view free_to_change[] = {"budget.", "checkpoint.", "log."};

std::map<std::string, Json> settings_of(const RunConfig& config) {
  std::map<std::string, Json> result;
  for_each_setting(config, [&](const std::string& path, const Json& value, auto&&...) { result[path] = value; });
  return result;
}

}  // namespace

void require_same_settings(const RunConfig& now, const Json& then_json) {
  RunConfig then;
  update(then, then_json);
  const auto before = settings_of(then);
  for (const auto& [path, value] : settings_of(now)) {
    const bool free = std::any_of(std::begin(free_to_change), std::end(free_to_change),
                                  [&path = path](std::string_view prefix) { return path.starts_with(prefix); });
    // As they were stored: what is not UTF-8 was replaced.
    if (!free && shown(before.at(path)) != shown(value))
      fail(Failure::usage,
           "{} = {}, but this run began with {}: resume it unchanged (only budget, checkpoint and log "
           "may change) or start a new run",
           path, shown(value), shown(before.at(path)));
  }
}

void prepare_folder(const TrainOptions& options) {
  if (options.out.empty()) fail(Failure::usage, "training needs a run folder to write to");
  if (fs::exists(options.out) && !fs::is_directory(options.out))
    fail(Failure::usage, "{} is a file; a run is a folder", options.out.string());
  const auto has = [&](const char* name) { return fs::exists(options.out / name); };
  const bool locked = has(".lock");
  const auto entries = fs::exists(options.out) ? std::distance(fs::directory_iterator(options.out), {}) : 0;
  const bool occupied = entries > (locked ? 1 : 0);  // a lock alone: killed before it wrote anything
  if (occupied && !locked && !(has("config.toml") && has("checkpoints")))
    fail(Failure::usage, "{} is no run folder and not empty; choose another", options.out.string());
  if (occupied && !options.resume && !options.force)
    fail(Failure::usage, "{} exists already; --resume goes on with it, --force replaces it", options.out.string());
  fs::create_directories(options.out);
}

void remove_old_run(const fs::path& folder) {
  std::vector<fs::path> events;
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.path().filename().string().starts_with("events.out.tfevents.")) events.push_back(entry.path());
  for (const fs::path& path : events) fs::remove(path);
  for (const char* name : {"checkpoints", "samples", "metrics.jsonl", "log.txt", "config.toml", "report.html"})
    fs::remove_all(folder / name);
}

FolderLock::FolderLock(const fs::path& folder)
    : descriptor_(::open((folder / ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644)) {
  if (descriptor_ < 0) fail(Failure::run, "{} cannot be written to: {}", folder.string(), std::strerror(errno));
  if (::flock(descriptor_, LOCK_EX | LOCK_NB) == 0) return;
  ::close(descriptor_);
  fail(Failure::run, "another process is training in {}", folder.string());
}

FolderLock::~FolderLock() { ::close(descriptor_); }

}  // namespace scoresde
