#include "core/workers.h"

#include <gtest/gtest.h>

#include <set>

#include "core/error.h"

namespace scoresde {
namespace {

TEST(WorkerPool, DoesEveryTaskOnceRoundAfterRound) {
  for (const std::size_t workers : {1u, 2u, 5u}) {
    WorkerPool pool(workers);
    for (std::size_t count = 0; count < 200; ++count) {
      std::vector<int> done(count, 0);
      std::atomic<bool> known{true};
      pool.run(count, [&](std::size_t i, std::size_t worker) {
        ++done[i];
        if (worker >= workers) known = false;
      });
      ASSERT_EQ(done, std::vector<int>(count, 1));
      ASSERT_TRUE(known);
    }
  }
}

TEST(WorkerPool, HandsOnAnErrorAndWorksOn) {
  WorkerPool pool(3);
  EXPECT_THROW(pool.run(100,
                        [](std::size_t i, std::size_t) {
                          if (i == 7) fail(Failure::run, "seven");
                        }),
               Error);
  std::atomic<int> done{0};
  pool.run(100, [&](std::size_t, std::size_t) { ++done; });
  EXPECT_EQ(done, 100);
}

TEST(WorkerPool, UsesTheCallersThreadUnlessThreadsArePrepared) {
  std::mutex mutex;
  std::set<std::thread::id> prepared, used;
  // Each task waits for the other one, so that both workers get one.
  const auto both = [&](WorkerPool& pool) {
    used.clear();
    std::atomic<int> arrived{0};
    pool.run(2, [&](std::size_t, std::size_t) {
      ++arrived;
      while (arrived < 2) std::this_thread::yield();
      const std::lock_guard lock(mutex);
      used.insert(std::this_thread::get_id());
    });
  };
  WorkerPool pool(2);
  both(pool);
  EXPECT_TRUE(used.contains(std::this_thread::get_id()));
  WorkerPool own(2, [&] {
    const std::lock_guard lock(mutex);
    prepared.insert(std::this_thread::get_id());
  });
  EXPECT_EQ(prepared.size(), 2u);  // before the constructor returns
  both(own);
  EXPECT_EQ(used, prepared);
}

}  // namespace
}  // namespace scoresde
