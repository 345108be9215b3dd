#include "core/parallel.h"

#include <gtest/gtest.h>

#include "core/error.h"

namespace scoresde {
namespace {

TEST(Parallel, DoesEveryPieceOnce) {
  for (const int threads : {1, 3, 50}) {
    std::vector<int> done(40, 0);
    parallel_for(done.size(), threads, [&](std::size_t i) { ++done[i]; });
    EXPECT_EQ(done, std::vector<int>(40, 1));
  }
  parallel_for(0, 4, [](std::size_t) { FAIL(); });
}

TEST(Parallel, HandsOnAnError) {
  for (const int threads : {1, 4})
    EXPECT_THROW(parallel_for(100, threads,
                              [](std::size_t i) {
                                if (i == 7) fail(Failure::run, "seven");
                              }),
                 Error);
}

}  // namespace
}  // namespace scoresde
