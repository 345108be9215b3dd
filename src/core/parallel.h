#pragma once
#include <atomic>
#include <cstddef>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace scoresde {

/// work(0) ... work(count - 1) by `threads` threads, each taking the next that nobody has taken; the first exception is
/// thrown again when all have stopped. What they compute must not depend on who does it.
template <class Work>
void parallel_for(std::size_t count, int threads, const Work& work) {
  std::atomic<std::size_t> next{0};
  std::exception_ptr error;
  std::mutex guard;
  const auto run = [&] {
    for (std::size_t i = next++; i < count; i = next++) try {
        work(i);
      } catch (...) {
        const std::lock_guard lock(guard);
        if (!error) error = std::current_exception();
        next = count;
      }
  };
  std::vector<std::jthread> others;
  for (int k = 1; k < threads && static_cast<std::size_t>(k) < count; ++k) others.emplace_back(run);
  run();
  others.clear();
  if (error) std::rethrow_exception(error);
}

}  // namespace scoresde
