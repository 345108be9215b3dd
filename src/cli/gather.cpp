#include "cli/gather.h"

#include <chrono>
#include <cstdlib>
#include <thread>

#include "cli/app.h"
#include "data/npy.h"
#include "report/progress.h"

namespace scoresde {
namespace {

constexpr std::size_t kShardItems = 500;

class Shards {
 public:
  Shards(const ItemSource& items, const FeatureSpace& space, const GatherPlan& plan)
      : items_(items),
        space_(space),
        plan_(plan),
        progress_(plan.label, static_cast<double>(plan.n), "items",
                  {.mode = plan.quiet ? ProgressMode::quiet : ProgressMode::automatic}) {}

  std::size_t count() const { return (plan_.n + kShardItems - 1) / kShardItems; }

  // The features of a shard, as float32: what a file keeps.
  Batch compute(std::size_t shard) {
    const std::size_t first = shard * kShardItems, size = std::min(kShardItems, plan_.n - first);
    const Batch features = space_(items_(first, size));
    progress_.update(static_cast<double>(first + size), "");
    return features.cast<float>().cast<double>();
  }

  fs::path file(std::size_t shard) const { return plan_.work / fmt::format("shard_{:05}.npy", shard); }

  // Opens the folder, which the first rank makes; refuses one that belongs to another evaluation.
  void claim(const Rank& rank) const {
    const fs::path note = plan_.work / "evaluation.json";
    fs::create_directories(plan_.work);
    if (rank.index == 0 && !fs::exists(note)) write_atomically(note, shown(plan_.identity) + "\n");
    wait_for(note);
    if (parse_json(read_text(note)) != plan_.identity)
      fail(Failure::usage, "--work {}: the folder holds another evaluation ({})", plan_.work.string(), note.string());
  }

  void work_through(const Rank& rank) {
    for (std::size_t shard = rank.index; shard < count(); shard += rank.world)
      if (!fs::exists(file(shard))) write_npy(file(shard), to_tensor(compute(shard)));
  }

  // A shard that any rank has written, once it is there.
  Batch fetch(std::size_t shard) const {
    wait_for(file(shard));
    const std::size_t size = std::min(kShardItems, plan_.n - shard * kShardItems);
    Batch rows = to_batch(read_npy(file(shard)), file(shard).string());
    if (rows.rows() != static_cast<Index>(size) || rows.cols() != space_.dimension())
      fail(Failure::data, "{}: {} x {} features where {} x {} were written", file(shard).string(), rows.rows(),
           rows.cols(), size, space_.dimension());
    return rows;
  }

 private:
  static void wait_for(const fs::path& path) {
    while (!fs::exists(path)) {
      if (interrupted()) fail(Failure::run, "interrupted");
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
  }

  const ItemSource& items_;
  const FeatureSpace& space_;
  const GatherPlan& plan_;
  Progress progress_;
};

std::size_t count_of_environment(const char* name, std::size_t otherwise) {
  const char* text = std::getenv(name);
  if (!text || !*text) return otherwise;
  long long value;
  if (!parse_number(std::string_view(text), value) || value < 0 || value > 100000)
    fail(Failure::usage, "{}={} is not a number of processes", name, text);
  return static_cast<std::size_t>(value);
}

}  // namespace

Rank rank_of_environment() {
  const Rank rank{count_of_environment("RANK", 0), count_of_environment("WORLD_SIZE", 1)};
  if (rank.index >= rank.world) fail(Failure::usage, "RANK={} with WORLD_SIZE={}", rank.index, rank.world);
  return rank;
}

Gathered gather(const ItemSource& items, const FeatureSpace& space, const GatherPlan& plan) {
  const Rank rank = plan.work.empty() ? Rank{} : rank_of_environment();
  Shards shards(items, space, plan);
  if (!plan.work.empty()) {
    shards.claim(rank);
    shards.work_through(rank);
    if (rank.index > 0) return {};
  }
  Gathered result;
  if (plan.moments) result.moments = std::make_unique<GroupedMoments>(space.dimension(), static_cast<Index>(plan.n));
  result.rows.resize(static_cast<Index>(std::min(plan.n, kMostPairRows)), space.dimension());
  Index kept = 0;
  for (std::size_t shard = 0; shard < shards.count(); ++shard) {
    const Batch rows = plan.work.empty() ? shards.compute(shard) : shards.fetch(shard);
    if (result.moments) result.moments->add(rows);
    const Index take = std::min(rows.rows(), result.rows.rows() - kept);
    result.rows.middleRows(kept, take) = rows.topRows(take);
    kept += take;
  }
  return result;
}

}  // namespace scoresde
