#include "core/workers.h"

#include <utility>

namespace scoresde {

void wait_for_change(const std::atomic<std::uint32_t>& value, std::uint32_t old) {
  for (int spins = 0; spins < 50000; ++spins)
    if (value.load() != old) return;
  value.wait(old);
}

WorkerPool::WorkerPool(std::size_t workers, std::function<void()> prepare)
    : workers_(workers), prepare_(std::move(prepare)) {
  const std::size_t first = prepare_ ? 0 : 1;
  busy_ = static_cast<std::uint32_t>(workers - first);
  for (std::size_t i = first; i < workers; ++i) threads_.emplace_back([this, i] { work(i); });
  wait_for_threads();
}

WorkerPool::~WorkerPool() {
  stopping_ = true;
  ++round_;
  round_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void WorkerPool::run(std::size_t count, const std::function<void(std::size_t, std::size_t)>& task) {
  task_ = &task;
  count_ = count;
  next_ = 0;
  failure_ = nullptr;
  busy_ = static_cast<std::uint32_t>(threads_.size());
  ++round_;
  round_.notify_all();
  if (!prepare_) take_tasks(0);
  wait_for_threads();
  if (failure_) std::rethrow_exception(failure_);
}

void WorkerPool::wait_for_threads() {
  for (std::uint32_t busy = busy_; busy != 0; busy = busy_) wait_for_change(busy_, busy);
}

void WorkerPool::finish_one() {
  --busy_;
  busy_.notify_all();
}

void WorkerPool::take_tasks(std::size_t worker) {
  for (std::size_t index = next_++; index < count_; index = next_++) {
    try {
      (*task_)(index, worker);
    } catch (...) {
      const std::lock_guard lock(mutex_);
      if (!failure_) failure_ = std::current_exception();
      next_ = count_;  // the others stop after what they are at
    }
  }
}

void WorkerPool::work(std::size_t worker) {
  if (prepare_) prepare_();
  finish_one();
  for (std::uint32_t seen = 0;; ++seen) {
    wait_for_change(round_, seen);
    if (stopping_) return;
    take_tasks(worker);
    finish_one();
  }
}

}  // namespace scoresde
