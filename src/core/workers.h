#pragma once
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace scoresde {

/// Threads that live as long as the pool: a new thread for every network evaluation would pay for thread-local state
/// each time. One call of run() at a time.
class WorkerPool {
 public:
  /// `prepare` runs once on every thread before its first task; the constructor returns after that.
  explicit WorkerPool(std::size_t workers, std::function<void()> prepare = {});
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  std::size_t workers() const { return threads_.size(); }

  /// Runs task(index, worker) for every index below `count`; which worker in [0, workers()) gets an index is left open.
  /// Rethrows the first exception after all workers have stopped.
  void run(std::size_t count, const std::function<void(std::size_t, std::size_t)>& task);

 private:
  void work(std::size_t worker);

  std::mutex mutex_;
  std::condition_variable wake_, done_;
  std::function<void()> prepare_;
  const std::function<void(std::size_t, std::size_t)>* task_ = nullptr;
  std::size_t count_ = 0, next_ = 0, busy_ = 0;
  std::uint64_t round_ = 0;
  std::exception_ptr failure_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace scoresde
