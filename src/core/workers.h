#pragma once
#include <atomic>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace scoresde {

/// Returns when `value` is no longer `old`: spins for some 100 microseconds, because waking takes longer than a layer
/// of a small network, and sleeps after that. (Yielding instead hands the core to strangers for a whole time slice: a
/// median of 29 ms for 6 beside other work.) Whoever changes the value calls notify_all() on it.
void wait_for_change(const std::atomic<std::uint32_t>& value, std::uint32_t old);

/// Threads that live as long as the pool: a new thread for every network evaluation would pay for thread-local state
/// each time. One call of run() at a time.
class WorkerPool {
 public:
  /// The thread that calls run() is the first worker. With `prepare`, which runs once on every worker before its first
  /// task, all workers are threads of the pool's own.
  explicit WorkerPool(std::size_t workers, std::function<void()> prepare = {});
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  std::size_t workers() const { return workers_; }

  /// Runs task(index, worker) for every index below `count`; which worker in [0, workers()) gets an index is left open.
  /// Rethrows the first exception after all workers have stopped.
  void run(std::size_t count, const std::function<void(std::size_t, std::size_t)>& task);

 private:
  void work(std::size_t worker);
  void take_tasks(std::size_t worker);
  void finish_one();
  void wait_for_threads();

  std::size_t workers_;
  std::function<void()> prepare_;
  const std::function<void(std::size_t, std::size_t)>* task_ = nullptr;
  std::size_t count_ = 0;
  std::atomic<std::size_t> next_{0};
  std::atomic<std::uint32_t> round_{0}, busy_{0};
  std::mutex mutex_;  // of failure_
  std::exception_ptr failure_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace scoresde
