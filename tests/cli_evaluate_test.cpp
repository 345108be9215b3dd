#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>

#include "core/image.h"
#include "process.h"

namespace scoresde::test {
namespace {

using Json = nlohmann::json;
namespace fs = std::filesystem;

// One small run on the shipped digits, trained once and read by every test below.
class EvaluatedRun : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TemporaryFolder;
    const Outcome training =
        scoresde("train digits --preset digits --images 3000 --out " + run() + " --set net.channels=8 --quiet");
    ASSERT_EQ(training.exit, 0) << training.err;
  }
  static void TearDownTestSuite() { delete folder_; }
  static std::string run() { return *folder_ / "run"; }
  static std::string at(const std::string& name) { return *folder_ / name; }

  static TemporaryFolder* folder_;
};
TemporaryFolder* EvaluatedRun::folder_ = nullptr;

TEST_F(EvaluatedRun, PicturesAreDrawnAgainByteForByte) {
  for (const char* how : {"--nfe 6", "--solver reverse-diffusion+langevin --nfe 21 --set snr=0.1", "--solver rk45",
                          "--solver edm-heun --set churn=3 --nfe 10 --temperature 0.9 --no-denoise --seed 5"}) {
    const std::string out = at("pictures"), grid = at("grid.png");
    ASSERT_EQ(scoresde("sample " + run() + " --quiet --force --seeds 3,8 --out " + out + " " + how).exit, 0) << how;
    const Outcome again = scoresde("replay --quiet " + out + "/000008.png");
    EXPECT_EQ(again.exit, 0) << how << again.err;
    EXPECT_NE(again.out.find("byte for byte"), std::string::npos);
    ASSERT_EQ(scoresde("sample " + run() + " --quiet --force -n 5 --out " + grid + " " + how).exit, 0);
    EXPECT_EQ(scoresde("replay --quiet " + grid).exit, 0) << how;
  }
}

TEST_F(EvaluatedRun, PicturesOfEveryCommandAreMadeAgain) {
  const std::string latents = at("again-z.npy"), decoded = at("again-decoded.png"), path = at("again-path"),
                    restored = at("again-restored"), grid = at("again-data.png"), pairs = at("again-pairs.png");
  for (const std::string& call :
       {"encode " + run() + " digits -n 3 --tolerance 1e-3 --out " + latents,
        "decode " + run() + " " + latents + " --integrator rk4 --steps 5 --temperature 0.9 --out " + decoded,
        "interpolate " + run() + " digits:0 digits:1 --frames 3 --tolerance 1e-3 --out " + path,
        "restore " + run() +
            " digits:4-5 --simulate --operator inpaint-random --keep 0.5 --nfe 8 --samples 2 "
            "--seed 3 --out " +
            restored,
        "data digits --most 9 --out " + grid,
        "evaluate " + run() + " --against digits --training digits -n 40 --nfe 4 --neighbours " + pairs}) {
    const Outcome made = scoresde(call + " --quiet --threads 1");
    ASSERT_EQ(made.exit, 0) << call << made.err;
  }
  std::vector<std::string> pictures = {decoded, path + "/000001.png", grid, pairs};
  for (const auto& entry : fs::recursive_directory_iterator(restored))
    if (entry.path().extension() == ".png") pictures.push_back(entry.path());
  EXPECT_GE(pictures.size(), 20u);
  const std::string last = fs::read_symlink(run() + "/checkpoints/latest").string();
  pictures.push_back(run() + "/samples/step_" + last.substr(last.size() - 8) + "_ema.png");
  for (const std::string& picture : pictures) {
    const Outcome again = scoresde("replay --quiet " + picture);
    EXPECT_EQ(again.exit, 0) << picture << again.err;
    EXPECT_NE(again.out.find("byte for byte"), std::string::npos) << again.out;
  }
}

// The text of a picture is a stranger's: it may not choose where to write, nor call what makes no pictures.
TEST_F(EvaluatedRun, AReplayedCallWritesNowhereElse) {
  const std::string forged = at("forged.png"), target = at("target.png");
  for (const std::string& recipe :
       {R"({"command":"data","arguments":["digits","--out=)" + target + R"("]})",
        R"({"command":"data","arguments":["digits","--out",")" + target + R"("]})",
        std::string(R"({"command":"train","arguments":["digits"]})"), std::string(R"({"command":7})"),
        std::string(R"({"command":"data","arguments":[3]})"), std::string(R"({"command":"data","arguments":"digits"})"),
        std::string(R"({"command":"decode","model":"x","arguments":[]})")}) {
    write_png(forged, {.width = 1, .height = 1, .channels = 1, .pixels = {0}}, {{"scoresde", recipe}});
    const Outcome outcome = scoresde("replay --quiet " + forged);
    EXPECT_EQ(outcome.exit, 3) << recipe << outcome.err;
    EXPECT_FALSE(outcome.err.empty());
    EXPECT_FALSE(fs::exists(target)) << recipe;
  }
  // Nor what to compare with: a picture that stands elsewhere already.
  const std::string recipe =
      R"({"command":"restore","arguments":[")" + run() +
      R"(","digits:1","--operator=inpaint-random","--simulate","--nfe=4","--samples=1"],"file":)" + "\"../../" +
      fs::path(forged).parent_path().filename().string() + "/forged.png\"}";
  write_png(forged, {.width = 1, .height = 1, .channels = 1, .pixels = {0}}, {{"scoresde", recipe}});
  const Outcome outcome = scoresde("replay --quiet " + forged);
  EXPECT_NE(outcome.err.find("makes no"), std::string::npos) << outcome.err;
}

TEST_F(EvaluatedRun, ReplayTellsWhatIsWrong) {
  const std::string picture = at("one.png");
  ASSERT_EQ(scoresde("sample " + run() + " --quiet --force -n 4 --nfe 5 --out " + picture).exit, 0);
  const std::string other = at("other");
  ASSERT_EQ(scoresde("sample " + run() + " --quiet --force -n 4 --nfe 5 --seed 1 --out " + at("two.png")).exit, 0);
  fs::rename(run(), other);
  const Outcome missing = scoresde("replay --quiet " + picture);
  EXPECT_EQ(missing.exit, 3);
  EXPECT_NE(missing.err.find("--run"), std::string::npos) << missing.err;
  EXPECT_EQ(scoresde("replay --quiet " + picture + " --run " + other).exit, 0);
  fs::rename(other, run());
  const std::string weights = at("changed.safetensors");
  ASSERT_EQ(scoresde("train digits --preset digits --images 200 --out " + at("another") +
                     " --set net.channels=8 --seed 9 --quiet")
                .exit,
            0);
  const Outcome changed = scoresde("replay --quiet " + picture + " --run " + at("another"));
  EXPECT_EQ(changed.exit, 3);
  EXPECT_NE(changed.err.find("was made by model"), std::string::npos) << changed.err;
  const Outcome plain = scoresde("replay " + run() + "/config.toml");
  EXPECT_EQ(plain.exit, 3);
}

TEST_F(EvaluatedRun, APictureWithAnotherRecipeIsFoundOut) {
  const std::string one = at("seed0.png"), two = at("seed1.png");
  ASSERT_EQ(scoresde("sample " + run() + " --quiet --force -n 4 --nfe 5 --out " + one).exit, 0);
  std::string bytes = content(one);
  const std::size_t seed = bytes.find("\"seed\":0");
  ASSERT_NE(seed, std::string::npos);
  ASSERT_EQ(scoresde("sample " + run() + " --quiet --force -n 4 --nfe 5 --seed 1 --out " + two).exit, 0);
  // The pixels of one under the text of the other: chunks are copied, so their checksums stay right.
  const std::string other = content(two);
  const auto text = [](const std::string& png) { return png.find("tEXt") - 4; };
  const auto length = [](const std::string& png, std::size_t at) {
    std::size_t n = 0;
    for (int k = 0; k < 4; ++k) n = n << 8 | static_cast<unsigned char>(png[at + static_cast<std::size_t>(k)]);
    return n + 12;
  };
  std::string mixed = bytes;
  mixed.replace(text(bytes), length(bytes, text(bytes)), other.substr(text(other), length(other, text(other))));
  std::ofstream(at("mixed.png"), std::ios::binary) << mixed;
  const Outcome replayed = scoresde("replay --quiet " + at("mixed.png"));
  EXPECT_EQ(replayed.exit, 1) << replayed.err;
  EXPECT_NE(replayed.err.find("another picture"), std::string::npos) << replayed.err;
}

TEST_F(EvaluatedRun, CalibrationIsStoredAndUsed) {
  const std::string plain = at("plain.npy"), tuned = at("tuned.npy"), ignored = at("ignored.npy");
  ASSERT_EQ(scoresde("sample " + run() + " --quiet -n 4 --nfe 7 --out " + plain).exit, 0);
  const Outcome calibration = scoresde("calibrate " + run() + " --nfe 7 --paths 16 --quiet --json");
  ASSERT_EQ(calibration.exit, 0) << calibration.err;
  const Json row = Json::parse(calibration.out)[0];
  EXPECT_LT(row["error"].get<double>(), row["usual_error"].get<double>());
  const Outcome sampled = scoresde("sample " + run() + " --quiet -n 4 --nfe 7 --out " + tuned);
  EXPECT_NE(sampled.out.find("calibrated"), std::string::npos) << sampled.out;
  EXPECT_NE(sampled.out.find("7 NFE"), std::string::npos) << sampled.out;
  ASSERT_EQ(scoresde("sample " + run() + " --quiet -n 4 --nfe 7 --uncalibrated --out " + ignored).exit, 0);
  EXPECT_NE(content(tuned), content(plain));
  EXPECT_EQ(content(ignored), content(plain));
  const std::string picture = at("calibrated.png");
  ASSERT_EQ(scoresde("sample " + run() + " --quiet -n 4 --nfe 7 --out " + picture).exit, 0);
  EXPECT_EQ(scoresde("replay --quiet " + picture).exit, 0);  // calibration is no part of the model
}

TEST_F(EvaluatedRun, EvaluationGoesOnAndSharesItsWork) {
  const std::string call =
      "evaluate " + run() + " --against digits -n 700 --nfe 5 --features pca --metrics fd,kid --quiet --json";
  const Outcome whole = scoresde(call);
  ASSERT_EQ(whole.exit, 0) << whole.err;
  const Outcome stored = scoresde(call + " --work " + at("work"));
  EXPECT_EQ(stored.out, whole.out);
  fs::remove(at("work") + "/shard_00001.npy");
  EXPECT_EQ(scoresde(call + " --work " + at("work")).out, whole.out);
  const std::string binary = SCORESDE_BINARY;
  const Outcome ranks = shell("WORLD_SIZE=2 RANK=1 " + binary + " " + call + " --work " + at("shared") +
                              " & WORLD_SIZE=2 RANK=0 " + binary + " " + call + " --work " + at("shared") + "; wait");
  EXPECT_EQ(ranks.out, whole.out) << ranks.err;
  const Outcome other =
      scoresde("evaluate " + run() + " --against digits -n 700 --nfe 6 --features pca --quiet --work " + at("work"));
  EXPECT_EQ(other.exit, 2);
  EXPECT_NE(other.err.find("another evaluation"), std::string::npos) << other.err;
}

TEST_F(EvaluatedRun, StatisticsFilesOfOtherFeaturesAreRefused) {
  const std::string file = at("digits.npz");
  ASSERT_EQ(scoresde("evaluate digits --features random --quiet --save-statistics " + file).exit, 0);
  const Outcome same = scoresde("evaluate digits --features random --quiet --json --against " + file + " -n 1797");
  ASSERT_EQ(same.exit, 0) << same.err;
  EXPECT_LT(Json::parse(same.out)["metrics"]["fd"]["samples"]["value"].get<double>(), 1e-5);
  EXPECT_EQ(scoresde("evaluate digits --features pixels --quiet --against " + file).exit, 3);
}

TEST_F(EvaluatedRun, CopiesAreFound) {
  const Outcome copies = scoresde("evaluate digits --against digits --training digits --json --quiet -n 200");
  ASSERT_EQ(copies.exit, 0) << copies.err;
  EXPECT_EQ(Json::parse(copies.out)["authentic"], 0);
  const Outcome drawn = scoresde("evaluate " + run() + " --against digits --training digits --nfe 5 -n 100 --quiet " +
                                 "--neighbours " + at("pairs.png"));
  EXPECT_EQ(drawn.exit, 0) << drawn.err;
  EXPECT_TRUE(fs::exists(at("pairs.png")));
}

// "| claim | where | +0.0065 ± 0.0044 | yes |": decided only where the interval does not reach zero.
std::set<std::string> checked_verdicts(const std::string& markdown) {
  static const std::regex row(R"(\| ([+-][0-9.]+) ± ([0-9.]+)[^|]*\| (yes|no|undecided) \|)");
  std::set<std::string> verdicts;
  for (std::sregex_iterator i(markdown.begin(), markdown.end(), row), end; i != end; ++i) {
    verdicts.insert((*i)[3]);
    const double difference = std::stod((*i)[1]), half = std::stod((*i)[2]);
    if (std::abs(std::abs(difference) - half) < 1e-3) continue;  // rounding decides
    EXPECT_EQ((*i)[3], std::abs(difference) < half ? "undecided" : difference > 0 ? "yes" : "no") << i->str();
  }
  return verdicts;
}

TEST_F(EvaluatedRun, EveryExperimentRuns) {
  std::set<std::string> verdicts;
  // 4 steps are too few for any corrector to help; with 40 the difference is within its interval.
  for (const char* table : {"predictors-correctors --steps 4", "predictors-correctors --steps 40", "snr --steps 4",
                            "solvers --nfe 5", "tolerance"}) {
    const Outcome compared = scoresde("compare " + run() + " -n 60 --snr 0.1 --quiet --force --markdown " +
                                      at("table.md") + " --html " + at("table.html") + " --table " + table);
    EXPECT_EQ(compared.exit, 0) << table << compared.err;
    EXPECT_NE(content(at("table.md")).find("| ---"), std::string::npos) << table;
    EXPECT_NE(content(at("table.html")).find("<table>"), std::string::npos) << table;
    verdicts.merge(checked_verdicts(content(at("table.md"))));
  }
  EXPECT_EQ(verdicts, (std::set<std::string>{"no", "undecided", "yes"}));
}

}  // namespace
}  // namespace scoresde::test
