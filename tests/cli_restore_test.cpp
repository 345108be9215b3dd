#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/image.h"
#include "data/image.h"
#include "data/npy.h"
#include "process.h"
#include "report/utf8.h"

namespace scoresde::test {
namespace {

using RestoreJson = nlohmann::json;

// One small run on the shipped digits (8 x 8 grey), trained once and read by every test below.
class RestoreRun : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TemporaryFolder;
    const Outcome training =
        scoresde("train digits --preset digits --images 20000 --out " + run() + " --set net.channels=8 --quiet");
    ASSERT_EQ(training.exit, 0) << training.err;
  }
  static void TearDownTestSuite() { delete folder_; }
  static std::string run() { return *folder_ / "run"; }
  static std::string at(const std::string& name) { return *folder_ / name; }

  static Outcome restore(const std::string& rest) { return scoresde("restore " + run() + " " + rest + " --quiet"); }

  static TemporaryFolder* folder_;
};
TemporaryFolder* RestoreRun::folder_ = nullptr;

Image picture_of(int width, int height, int channels, const std::function<int(int x, int y)>& value) {
  Image image{.width = width, .height = height, .channels = channels, .pixels = {}};
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x)
      for (int c = 0; c < channels; ++c) image.pixels.push_back(static_cast<std::uint8_t>(value(x, y)));
  return image;
}

TEST_F(RestoreRun, SimulatesMeasuresAndWritesMaps) {
  const Outcome outcome = restore(
      "digits:3,5 --simulate --operator super-resolution --factor 2 --noise 0.05 "
      "--samples 6 --nfe 20 --json --out " +
      at("sr"));
  ASSERT_EQ(outcome.exit, 0) << outcome.err;
  const RestoreJson json = RestoreJson::parse(outcome.out);
  EXPECT_EQ(json["method"], "diffpir");
  EXPECT_LE(json["nfe"].get<int>(), 20);
  ASSERT_EQ(json["items"].size(), 2u);
  const Outcome page = shell("bash " SCORESDE_SOURCE_DIR "/tests/check_report.sh " + at("sr") + "/report.html");
  EXPECT_TRUE(page.exit == 0 || page.exit == 77) << page.out << page.err;
  for (const auto& item : json["items"]) {
    EXPECT_GT(item["mean"]["psnr"].get<double>(), 5);
    EXPECT_LE(std::abs(item["mean"]["ssim"].get<double>()), 1);
    EXPECT_GE(item["coverage"].get<double>(), 0);
    EXPECT_LT(item["chi_square"].get<double>(), 3);
    const std::string folder = at("sr") + "/" + item["item"].get<std::string>() + "/";
    for (const char* name : {"measured.png", "baseline.png", "mean.png", "std.png", "low.png", "high.png", "truth.png",
                             "sample_005.png", "overview.png", "result.json"})
      EXPECT_TRUE(std::filesystem::exists(folder + name)) << name;
    const Tensor mean = read_npy(folder + "mean.npy"), samples = read_npy(folder + "samples.npy");
    EXPECT_EQ(mean.size(), 64);
    EXPECT_EQ(samples.size(), 6 * 64);
    double sum = 0;
    for (std::size_t k = 0; k < 6; ++k) sum += samples.f32()[k * 64];
    EXPECT_NEAR(mean.f32()[0], sum / 6, 1e-5);
  }
}

TEST_F(RestoreRun, ASampleIsTheSameBytesAtAnyBatch) {
  const std::string common = "digits:3 --simulate --operator inpaint-centre --samples 5 --nfe 10 --out ";
  ASSERT_EQ(restore(common + at("one") + " --batch 1 --threads 1").exit, 0);
  ASSERT_EQ(restore(common + at("five") + " --batch 5 --threads 2").exit, 0);
  for (const char* name : {"/sample_000.png", "/sample_004.png", "/mean.npy", "/std.npy"})
    EXPECT_EQ(content(at("one") + name), content(at("five") + name)) << name;
}

TEST_F(RestoreRun, APhotographOfAnotherSizeWithAMaskPaintedByHand) {
  write_png(at("photo.png"), picture_of(40, 24, 3, [](int x, int y) { return (x * 6 + y * 3) % 256; }));
  write_png(at("mask.png"),
            picture_of(40, 24, 1, [](int x, int y) { return x > 12 && x < 24 && y > 6 && y < 15 ? 0 : 255; }));
  const Outcome outcome = scoresde("restore " + run() + " " + at("photo.png") + " --operator inpaint --mask " +
                                   at("mask.png") + " --samples 2 --nfe 8 --out " + at("photo"));
  ASSERT_EQ(outcome.exit, 0) << outcome.err;
  EXPECT_NE(outcome.err.find("resized"), std::string::npos) << outcome.err;
  const Image full = read_image(at("photo") + "/full_mean.png"), photo = read_image(at("photo.png"));
  ASSERT_EQ(full.width, 40);
  ASSERT_EQ(full.height, 24);
  // What was seen is as it was, but grey, as the model is.
  const double grey = photo.at(2, 2, 0);
  EXPECT_NEAR(full.at(2, 2, 0), grey, 1);
}

TEST_F(RestoreRun, AMeasurementFromAFile) {
  ASSERT_EQ(
      restore("digits:3 --simulate --operator ct --angles 9 --noise 0.02 --samples 1 --nfe 5 --out " + at("scan")).exit,
      0);
  const Outcome again = restore(
      at("scan") + "/measured.npy --operator ct --angles 9 --noise 0.02 --samples 2 --nfe 5 --out " + at("rescan"));
  EXPECT_EQ(again.exit, 0) << again.err;
  EXPECT_EQ(content(at("rescan") + "/sample_000.png").empty(), false);
}

TEST_F(RestoreRun, RefusesBadInputWithASentence) {
  write_png(at("small.png"), picture_of(8, 8, 1, [](int, int) { return 100; }));
  write_png(at("wide_mask.png"), picture_of(9, 8, 1, [](int, int) { return 255; }));
  Batch broken = Batch::Zero(1, 64);
  broken(0, 5) = std::nan("");
  write_npy(at("nan.npy"), to_tensor(broken));
  write_npy(at("zeros.npy"), to_tensor(Batch::Zero(3, 64)));
  write_npy(at("y.npy"), to_tensor(Batch::Zero(1, 3)));
  const struct {
    std::string call;
    int exit;
    const char* says;
  } cases[] = {
      {at("small.png") + " --operator inpaint --mask " + at("wide_mask.png"), 3, "mask"},
      {at("nan.npy") + " --operator denoise", 3, "finite"},
      {at("small.png") + " --operator denoise --noise -0.1", 2, "noise"},
      {at("y.npy") + " --operator matrix --matrix " + at("zeros.npy"), 3, "zero"},
      {"digits:3 --simulate --operator ct --angles 0", 2, "angles"},
      {"digits:3 --simulate --operator ct --factor 2", 2, "factor"},
      {"digits:3 --simulate --operator nothing", 2, "there are"},
      {"digits:3 --simulate --operator ct --method nothing", 2, "there are"},
      {"digits:3 --simulate --operator phase-retrieval --method ddrm", 2, "linear"},
      {"digits:3 --simulate --operator denoise --method exact", 2, "closed form"},
      {"digits:3 --simulate --operator grey", 2, "colours"},
      {"digits:3 --simulate --operator inpaint", 2, "mask"},
      {"digits:99999 --simulate --operator denoise", 2, "items"},
      {at("small.png") + " --operator ct", 3, "simulate"},
      {at("nowhere.png") + " --operator denoise", 3, "nowhere"},
      {"digits:3 --simulate --operator denoise --set scale=3 --method ddrm", 2, "does not read"},
  };
  for (const auto& c : cases) {
    const Outcome outcome = restore(c.call + " --out " + at("refused"));
    EXPECT_EQ(outcome.exit, c.exit) << c.call << "\n" << outcome.err;
    EXPECT_NE(outcome.err.find(c.says), std::string::npos) << c.call << "\n" << outcome.err;
    EXPECT_FALSE(std::filesystem::exists(at("refused"))) << c.call;
  }
}

TEST_F(RestoreRun, ListsAndHelp) {
  for (const char* call : {"restore --help", "list operators", "list methods"}) {
    const Outcome outcome = scoresde(call);
    EXPECT_EQ(outcome.exit, 0);
    std::istringstream lines(outcome.out);
    for (std::string line; std::getline(lines, line);) EXPECT_LE(display_width(line), 80u) << call << ": " << line;
  }
}

}  // namespace
}  // namespace scoresde::test
