#include "nn/threads.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <thread>

#include "core/workers.h"

namespace scoresde {
namespace {

// ATen gives a new thread the process's count at its first parallel call; asking for the count makes that happen now,
// so that the 1 set after it stays. OpenMP's count belongs to the calling thread, but ATen also notes it as the
// process's: parallel_tasks() sets that right again. (omp_set_num_threads itself could reach another OpenMP
// library than the one inside a downloaded LibTorch.)
void use_one_kernel_thread() {
  at::get_num_threads();
  at::set_num_threads(1);
}

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
  if (!pool || pool->workers() != wanted) {
    const int count_here = at::get_num_threads();
    pool = std::make_unique<WorkerPool>(wanted, use_one_kernel_thread);
    at::set_num_threads(count_here);
  }
  pool->run(count, [&](std::size_t index, std::size_t) { task(index); });
}

}  // namespace scoresde
