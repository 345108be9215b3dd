#include "nn/threads.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace scoresde {
namespace {

// ATen gives a new thread the process's count at its first parallel call; asking for the count makes that happen now,
// so that the 1 set after it stays. OpenMP's count belongs to the calling thread, but ATen also notes it as the
// process's: the pool's constructor sets that right again. (omp_set_num_threads itself could reach another OpenMP
// library than the one inside a downloaded LibTorch.)
void use_one_kernel_thread() {
  at::get_num_threads();
  at::set_num_threads(1);
}

// Threads that live as long as the pool: a new thread for every network evaluation would pay for ATen's and oneDNN's
// thread-local state each time.
class WorkerPool {
 public:
  explicit WorkerPool(std::size_t workers) {
    const int count_here = at::get_num_threads();
    busy_ = workers;
    for (std::size_t i = 0; i < workers; ++i) threads_.emplace_back([this] { work(); });
    std::unique_lock lock(mutex_);
    done_.wait(lock, [this] { return busy_ == 0; });
    at::set_num_threads(count_here);
  }

  ~WorkerPool() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }

  std::size_t workers() const { return threads_.size(); }

  void run(std::size_t count, const std::function<void(std::size_t)>& task) {
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

 private:
  void work() {
    use_one_kernel_thread();
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
          (*task_)(index);
        } catch (...) {
          failure = std::current_exception();
        }
        lock.lock();
        if (failure && !failure_) failure_ = failure;
      }
      if (--busy_ == 0) done_.notify_one();
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_, done_;
  const std::function<void(std::size_t)>* task_ = nullptr;
  std::size_t count_ = 0, next_ = 0, busy_ = 0;
  std::uint64_t round_ = 0;
  std::exception_ptr failure_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

std::mutex pool_mutex;  // one evaluation at a time has the workers
std::atomic<int> thread_count{0};

int default_threads() { return static_cast<int>(std::max(1u, std::thread::hardware_concurrency())); }

}  // namespace

void set_threads(int threads) {
  thread_count = std::max(1, threads);
  at::set_num_threads(thread_count);
}

int threads() { return thread_count > 0 ? thread_count.load() : default_threads(); }

void parallel_tasks(std::size_t count, const std::function<void(std::size_t)>& task) {
  if (count == 0) return;
  static std::unique_ptr<WorkerPool> pool;
  const std::lock_guard lock(pool_mutex);
  const auto wanted = static_cast<std::size_t>(threads());
  if (!pool || pool->workers() != wanted) pool = std::make_unique<WorkerPool>(wanted);
  pool->run(count, task);
}

}  // namespace scoresde
