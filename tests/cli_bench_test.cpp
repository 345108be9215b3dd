#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "process.h"
#include "report/utf8.h"

namespace scoresde::test {
namespace {

class Bench : public testing::Test {
 protected:
  void SetUp() override {
    const std::string checkpoint = std::string(SCORESDE_SOURCE_DIR) + "/tests/checkpoints/ddpmpp_vp_tiny.pth";
    ASSERT_EQ(scoresde("import " + checkpoint + " --preset cifar10-ddpmpp-vp --size 8 --out " + run_).exit, 0);
  }

  TemporaryFolder folder_;
  const std::string run_ = folder_ / "run";
};

TEST_F(Bench, SaysWhatAModelCosts) {
  const Outcome outcome = scoresde("bench " + run_ + " --batch 1,2 --seconds 0.01 --nfe 3 --json --threads 1");
  ASSERT_EQ(outcome.exit, 0) << outcome.err;
  const auto json = nlohmann::json::parse(outcome.out);
  ASSERT_EQ(json["batches"].size(), 2u);
  double shares = 0;
  for (const auto& [part, share] : json["shares"].items()) shares += share.get<double>();
  EXPECT_NEAR(shares, 1, 1e-9);
  for (const auto& row : json["batches"]) {
    const double seconds = row["seconds_per_evaluation"], batch = row["batch"], rate = row["samples_per_second"];
    EXPECT_GT(seconds, 0);
    EXPECT_LE(rate, batch / (3 * seconds)) << "3 evaluations and the solver's own work";
    EXPECT_NEAR(row["peak_share"],
                2 * json["multiply_adds"].get<double>() * batch / seconds / json["fma_peak"].get<double>(), 1e-9);
  }
  const Outcome shown = scoresde("bench " + run_ + " --batch 1 --seconds 0.01 --nfe 3 --threads 1");
  std::istringstream lines(shown.out);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(display_width(line), 80u + run_.size()) << line;
}

// The same model with another method somewhere gives other bits: what is drawn says so.
TEST_F(Bench, ATuningStandsInEveryRecipe) {
  const std::string sample = "sample " + run_ + " -n 1 --nfe 2 --force --out " + (folder_ / "x.png");
  ASSERT_EQ(scoresde(sample).exit, 0);
  EXPECT_EQ(content(folder_ / "x.png").find("\"tuning\""), std::string::npos);
  const Outcome tuned = scoresde("bench " + run_ + " --tune --json");
  ASSERT_EQ(tuned.exit, 0) << tuned.err;
  const std::string identity = nlohmann::json::parse(tuned.out)["identity"];
  EXPECT_EQ(scoresde("bench " + run_ + " --tune").exit, 2) << "a table is not overwritten";
  ASSERT_EQ(scoresde(sample).exit, 0);
  EXPECT_NE(content(folder_ / "x.png").find(identity), std::string::npos);
  std::ofstream(run_ + "/checkpoints/latest/model.tuning.json") << "[";
  EXPECT_EQ(scoresde(sample).exit, 3);
}

TEST_F(Bench, ANetworkIsExportedAsData) {
  ASSERT_EQ(scoresde("export " + run_ + " --out " + (folder_ / "net.json")).exit, 0);
  const auto json = nlohmann::json::parse(content(folder_ / "net.json"));
  EXPECT_EQ(json["input_shape"], nlohmann::json({3, 8, 8}));
  EXPECT_EQ(json["nodes"].back()["shape"], json["input_shape"]);
}

}  // namespace
}  // namespace scoresde::test
