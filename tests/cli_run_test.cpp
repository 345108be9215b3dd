#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "process.h"

namespace scoresde::test {
namespace {

using Json = nlohmann::json;
namespace fs = std::filesystem;

// One small run on the shipped digits, trained once and read by every test below.
class SmallRun : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TemporaryFolder;
    training_ =
        scoresde("train digits --preset digits --images 3000 --out " + run() + " --set net.channels=8 --quiet --json");
  }
  static void TearDownTestSuite() { delete folder_; }
  static std::string run() { return *folder_ / "run"; }
  static std::string at(const std::string& name) { return *folder_ / name; }

  static TemporaryFolder* folder_;
  static Outcome training_;
};
TemporaryFolder* SmallRun::folder_ = nullptr;
Outcome SmallRun::training_;

TEST_F(SmallRun, TrainingLeavesTheWholeRunFolder) {
  ASSERT_EQ(training_.exit, 0) << training_.err;
  const Json result = Json::parse(training_.out);
  EXPECT_EQ(result["outcome"], "done");
  EXPECT_GE(result["images"].get<long long>(), 3000);
  for (const char* name : {"config.toml", "log.txt", "metrics.jsonl", "checkpoints/latest/model.safetensors",
                           "checkpoints/best/model.safetensors"})
    EXPECT_TRUE(fs::exists(run() + "/" + name)) << name;
  bool events = false, ema = false, raw = false;
  for (const auto& entry : fs::recursive_directory_iterator(run())) {
    const std::string name = entry.path().filename();
    events |= name.rfind("events.out.tfevents.", 0) == 0;
    ema |= name.rfind("step_", 0) == 0 && name.find("_ema.png") != std::string::npos;
    raw |= name.rfind("step_", 0) == 0 && name.find("_raw.png") != std::string::npos;
  }
  EXPECT_TRUE(events && ema && raw);
  const Outcome info = scoresde("info " + run());
  EXPECT_EQ(info.exit, 0) << info.err;
  EXPECT_NE(info.out.find("digits"), std::string::npos);
}

TEST_F(SmallRun, ExistingOutputsAreNotOverwritten) {
  EXPECT_EQ(scoresde("train digits --preset digits --images 100 --out " + run()).exit, 2);
  const std::string out = at("kept.png");
  ASSERT_EQ(scoresde("sample " + run() + " --quiet -n 4 --nfe 2 --out " + out).exit, 0);
  const std::string before = content(out);
  EXPECT_EQ(scoresde("sample " + run() + " --quiet -n 4 --nfe 3 --out " + out).exit, 2);
  EXPECT_EQ(content(out), before);
  EXPECT_EQ(scoresde("sample " + run() + " --quiet -n 4 --nfe 3 --force --out " + out).exit, 0);
  EXPECT_NE(content(out), before);
}

// The contract: --batch, --threads and the choice of samples never change a byte of sample k.
class SameBytes : public SmallRun, public ::testing::WithParamInterface<const char*> {};

TEST_P(SameBytes, AtAnyBatchThreadsAndOrder) {
  const std::string solver = GetParam();
  const std::string common = " --quiet --solver '" + solver + "'" + (solver == "rk45" ? "" : " --nfe 9") + " --out ";
  const auto draw = [&](const std::string& name, const std::string& options) {
    const Outcome outcome = scoresde("sample " + run() + " " + options + common + at(name));
    EXPECT_EQ(outcome.exit, 0) << outcome.err;
  };
  const auto name = [&](std::string part) { return "f" + std::to_string(std::hash<std::string>{}(solver)) + part; };
  draw(name("a"), "-n 10 --batch 64 --threads 2");
  draw(name("b"), "-n 10 --batch 1 --threads 1");
  draw(name("c"), "-n 10 --batch 7 --threads 2");
  draw(name("d"), "--seeds 9,3 --batch 64 --threads 1");
  for (int k = 0; k < 10; ++k) {
    const std::string file = "/00000" + std::to_string(k) + ".png";
    const std::string expected = content(at(name("a")) + file);
    ASSERT_FALSE(expected.empty());
    EXPECT_EQ(content(at(name("b")) + file), expected) << k;
    EXPECT_EQ(content(at(name("c")) + file), expected) << k;
    if (k == 3 || k == 9) {
      EXPECT_EQ(content(at(name("d")) + file), expected) << k;
    }
  }
}
INSTANTIATE_TEST_SUITE_P(Solvers, SameBytes,
                         ::testing::Values("dpm++2m", "reverse-diffusion+langevin", "rk45", "edm-heun", "ancestral"));

TEST_F(SmallRun, NfeIsExactOrRefusedWithWhatIsPossible) {
  const Outcome exact = scoresde("sample " + run() + " --quiet --json -n 3 --nfe 7 --out " + at("nfe.npz"));
  ASSERT_EQ(exact.exit, 0) << exact.err;
  EXPECT_EQ(Json::parse(exact.out)["nfe"], 7);
  const Outcome refused =
      scoresde("sample " + run() + " --quiet -n 3 --solver heun --nfe 8 --out " + at("refused.npz"));
  EXPECT_EQ(refused.exit, 2);
  EXPECT_NE(refused.err.find('7'), std::string::npos) << refused.err;
  EXPECT_NE(refused.err.find('9'), std::string::npos) << refused.err;
}

TEST_F(SmallRun, DamagedCheckpointsAreRefused) {
  const std::string copy = at("damaged.safetensors");
  fs::copy_file(run() + "/checkpoints/latest/model.safetensors", copy);
  const auto size = fs::file_size(copy);
  fs::resize_file(copy, size - 7);
  EXPECT_EQ(scoresde("sample " + copy + " --quiet -n 1 --out " + at("x.png")).exit, 3);
  fs::copy_file(run() + "/checkpoints/latest/model.safetensors", copy, fs::copy_options::overwrite_existing);
  std::fstream file(copy, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(size) - 9);
  file.put('\x55');
  file.close();
  const Outcome flipped = scoresde("info " + copy);
  EXPECT_EQ(flipped.exit, 3) << flipped.out;
  EXPECT_NE(flipped.err.find("damaged"), std::string::npos) << flipped.err;
}

TEST_F(SmallRun, ReportLoadsInABrowser) {
  const Outcome report = scoresde("report " + run() + " --quiet -n 8 --solvers dpm++2m:5,heun:7");
  ASSERT_EQ(report.exit, 0) << report.err;
  if (shell("command -v chromium").exit != 0) GTEST_SKIP() << "chromium is not installed: the page was not loaded";
  const Outcome check = shell("bash " SCORESDE_SOURCE_DIR "/tests/check_report.sh " + run() + "/report.html");
  EXPECT_EQ(check.exit, 0) << check.out << check.err;
}

TEST_F(SmallRun, InterruptedTrainingGoesOn) {
  const std::string other = at("interrupted");
  const std::string command = std::string(SCORESDE_BINARY) +
                              " train digits --preset digits --minutes 10 --quiet --set net.channels=8 --out " + other;
  const Outcome outcome =
      shell(command + " & until [ -s " + other + "/metrics.jsonl ]; do sleep 0.1; done; kill -INT $!; wait $!");
  EXPECT_NE(outcome.err.find("--resume"), std::string::npos) << outcome.out << outcome.err;
  const Outcome resumed = scoresde("train digits --resume --quiet --json --images 1 --out " + other);
  EXPECT_EQ(resumed.exit, 0) << resumed.err;
}

}  // namespace
}  // namespace scoresde::test
