#include "core/workers.h"

#include <utility>

namespace scoresde {

WorkerPool::WorkerPool(std::size_t workers, std::function<void()> prepare)
    : prepare_(std::move(prepare)), busy_(workers) {
  for (std::size_t i = 0; i < workers; ++i) threads_.emplace_back([this, i] { work(i); });
  std::unique_lock lock(mutex_);
  done_.wait(lock, [this] { return busy_ == 0; });
}

WorkerPool::~WorkerPool() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void WorkerPool::run(std::size_t count, const std::function<void(std::size_t, std::size_t)>& task) {
  std::unique_lock lock(mutex_);
  task_ = &task;
  count_ = count;
  next_ = 0;
  failure_ = nullptr;
  busy_ = threads_.size();
  ++round_;
  wake_.notify_all();
  done_.wait(lock, [this] { return busy_ == 0; });
  if (failure_) std::rethrow_exception(failure_);
}

void WorkerPool::work(std::size_t worker) {
  if (prepare_) prepare_();
  std::uint64_t seen = 0;
  std::unique_lock lock(mutex_);
  if (--busy_ == 0) done_.notify_one();
  for (;;) {
    wake_.wait(lock, [&] { return stopping_ || round_ != seen; });
    if (stopping_) return;
    seen = round_;
    while (next_ < count_ && !failure_) {
      const std::size_t index = next_++;
      lock.unlock();
      std::exception_ptr failure;
      try {
        (*task_)(index, worker);
      } catch (...) {
        failure = std::current_exception();
      }
      lock.lock();
      if (failure && !failure_) failure_ = failure;
    }
    if (--busy_ == 0) done_.notify_one();
  }
}

}  // namespace scoresde
