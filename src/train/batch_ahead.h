#pragma once
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

#include "train/items.h"

namespace scoresde {

/// The batches of a run in their order, each made by a thread of its own while the step before it computes. A batch is
/// a function of its place in the run alone, so that who makes it, and when, changes no bit.
class BatchAhead {
 public:
  /// `make` gives the batch that begins with sample `first`: one call at a time, but on any thread.
  BatchAhead(std::function<ItemBatch(std::uint64_t first)> make, int batch_size);
  ~BatchAhead();
  BatchAhead(const BatchAhead&) = delete;
  BatchAhead& operator=(const BatchAhead&) = delete;

  /// The batch that begins with sample `first`; the one after it is begun. Any place may follow any other: what was not
  /// foreseen is made now.
  ItemBatch take(std::uint64_t first);

 private:
  void work();

  std::function<ItemBatch(std::uint64_t)> make_;
  std::uint64_t batch_size_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<std::uint64_t> wanted_;  // what the thread is to make, or is making
  std::optional<ItemBatch> made_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace scoresde
