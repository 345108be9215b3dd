#include "train/batch_ahead.h"

#include <utility>

namespace scoresde {

BatchAhead::BatchAhead(std::function<ItemBatch(std::uint64_t)> make, int batch_size)
    : make_(std::move(make)), batch_size_(static_cast<std::uint64_t>(batch_size)), thread_([this] { work(); }) {}

BatchAhead::~BatchAhead() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

ItemBatch BatchAhead::take(std::uint64_t first) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return !wanted_; });
  std::optional<ItemBatch> batch = std::exchange(made_, std::nullopt);
  if (!batch || batch->samples.front() != first) batch = make_(first);
  wanted_ = first + batch_size_;
  changed_.notify_all();
  return *std::move(batch);
}

void BatchAhead::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stopping_ || wanted_; });
    if (stopping_) return;
    const std::uint64_t first = *wanted_;
    lock.unlock();
    std::optional<ItemBatch> batch;
    try {
      batch = make_(first);
    } catch (...) {  // take() makes it again, and its caller learns why that fails
    }
    lock.lock();
    made_ = std::move(batch);
    wanted_.reset();
    changed_.notify_all();
  }
}

}  // namespace scoresde
