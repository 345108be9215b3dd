#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "core/noise.h"
#include "data/npy.h"
#include "metrics/metric.h"
#include "process.h"

namespace scoresde {
namespace {

// Both sides start from the float32 values of the files.
Batch written_rows(const std::string& path, std::uint64_t seed, double mean, double deviation) {
  Batch x(200, 6);
  for (Index i = 0; i < x.rows(); ++i)
    fill_normal({.seed = seed, .sample = static_cast<std::uint64_t>(i)}, std::span(&x(i, 0), 6));
  const Tensor tensor = to_tensor(mean + deviation * x);
  write_npy(path, tensor);
  return to_batch(tensor, path);
}

TEST(MetricsPeers, AgreeWithScipyAndScikitLearn) {
  const test::TemporaryFolder folder;
  const Batch p = written_rows(folder / "p.npy", 1, 0.4, 1.3), q = written_rows(folder / "q.npy", 2, 0, 1);
  const test::Outcome peer =
      test::shell("/usr/bin/python3 " + std::string(SCORESDE_SOURCE_DIR) + "/tests/peers/metrics.py " + (folder / ""));
  if (peer.exit != 0 && (peer.exit == 77 || peer.exit == 127))
    GTEST_SKIP() << "python3-scipy and python3-sklearn are not here: " << peer.out << peer.err;
  ASSERT_EQ(peer.exit, 0) << peer.err;
  const auto wanted = nlohmann::json::parse(peer.out);
  int compared = 0;
  for (const MetricEntry& entry : metrics()) {
    const std::string name(entry.name);
    if (!wanted.contains(name)) continue;
    const double truth = wanted[name];
    EXPECT_NEAR(measure(entry, {.samples = p, .reference = q}).value, truth, 1e-9 * (1 + std::abs(truth))) << name;
    ++compared;
  }
  EXPECT_EQ(compared, 8);
  for (const MetricEntry& entry : metrics())
    if (entry.name == "w1") {
      EXPECT_NEAR(measure(entry, {.samples = p.leftCols(1), .reference = q.leftCols(1)}).value,
                  wanted["w1 of the first column"].get<double>(), 1e-9);
    }
}

}  // namespace
}  // namespace scoresde
