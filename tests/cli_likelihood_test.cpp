#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "data/dataset.h"
#include "data/npy.h"
#include "process.h"

namespace scoresde::test {
namespace {

using FlowJson = nlohmann::json;

// Two small models, of pictures and of a table, trained once.
class FlowCommands : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TemporaryFolder;
    for (const auto& [data, options] : {std::pair{"digits", "--preset digits --images 600 --set net.channels=8"},
                                        std::pair{"moons", "--net mlp --images 4000"}}) {
      const Outcome trained = scoresde(std::string("train ") + data + " " + options + " --quiet --out " + at(data));
      ASSERT_EQ(trained.exit, 0) << trained.err;
    }
  }
  static void TearDownTestSuite() { delete folder_; }
  static std::string at(const std::string& name) { return *folder_ / name; }

  /// Runs `command` and reads the array it wrote.
  static Tensor array_of(const std::string& command, const std::string& file) {
    const Outcome outcome = scoresde(command + " --quiet --force --out " + at(file));
    EXPECT_EQ(outcome.exit, 0) << command << ": " << outcome.err;
    return read_npy(at(file));
  }

  static TemporaryFolder* folder_;
};
TemporaryFolder* FlowCommands::folder_ = nullptr;

TEST_F(FlowCommands, ItemsAreTheSameBitsInAnyBatchAndAddUp) {
  for (const std::string data : {"digits", "moons"}) {
    const std::string command =
        "likelihood " + at(data) + " " + data + " --probes 2 --bound --draws 4 --integrator rk4 --steps 4 ";
    const Tensor all = array_of(command + "-n 9 --batch 32 --threads 2", "all.npy");
    const Tensor single = array_of(command + "-n 9 --batch 2 --threads 1", "single.npy");
    ASSERT_EQ(all.shape, (std::vector<std::int64_t>{9, 13}));
    EXPECT_EQ(all.bytes, single.bytes) << data;
    const Tensor few = array_of(command + "-n 3", "few.npy");
    for (int i = 0; i < 9; ++i) {
      const double* row = &all.f64()[static_cast<std::size_t>(13 * i)];
      EXPECT_NEAR(row[1] + row[2] + row[3] + row[4], row[5], 1e-12 * std::abs(row[5])) << data;
      EXPECT_NEAR(row[8] + row[9] + row[10], row[11], 1e-12 * std::abs(row[11])) << data;
      EXPECT_EQ(row[7], 16) << "NFE";
      for (int k = 0; k < 3; ++k) {
        const double* other = &few.f64()[static_cast<std::size_t>(13 * k)];
        if (other[0] != row[0]) continue;
        for (int c = 0; c < 13; ++c) EXPECT_EQ(other[c], row[c]) << data << ", column " << c;
      }
    }
  }
}

TEST_F(FlowCommands, AdaptiveStepsAndSeedsBelongToTheItem) {
  const std::string command = "likelihood " + at("moons") + " moons -n 5 ";
  const Tensor all = array_of(command + "--seed 1", "seed1.npy"),
               again = array_of(command + "--seed 1 --batch 1", "again.npy"),
               other = array_of(command + "--seed 2", "seed2.npy");
  EXPECT_EQ(all.bytes, again.bytes);
  EXPECT_NE(all.bytes, other.bytes);
}

TEST_F(FlowCommands, ReportsInTheUnitOfTheData) {
  const Outcome text = scoresde("likelihood " + at("digits") + " digits -n 4 --quiet --dequantise truncated-normal");
  ASSERT_EQ(text.exit, 0) << text.err;
  EXPECT_NE(text.out.find("bits/dim"), std::string::npos) << text.out;
  std::istringstream lines(text.out);
  for (std::string line; std::getline(lines, line);) {
    const auto letters = std::count_if(line.begin(), line.end(), [](unsigned char c) { return (c & 0xc0) != 0x80; });
    EXPECT_LE(letters, 80) << line;
  }
  const Outcome json = scoresde("likelihood " + at("moons") + " moons -n 50 --quiet --json --exact");
  ASSERT_EQ(json.exit, 0) << json.err;
  const FlowJson report = FlowJson::parse(json.out);
  EXPECT_EQ(report["unit"], "nats");
  EXPECT_EQ(report["items"], 50);
  EXPECT_EQ(report["error_from_probes"], 0);
  EXPECT_NEAR(report["total"]["mean"].get<double>(),
              report["prior"]["mean"].get<double>() + report["divergence"]["mean"].get<double>() +
                  report["truncation"]["mean"].get<double>() + report["standardisation"]["mean"].get<double>(),
              1e-9);
}

TEST_F(FlowCommands, DecodingBringsBackWhatWasEncoded) {
  const Tensor z = array_of("encode " + at("moons") + " moons -n 20 --tolerance 1e-7", "z.npy");
  ASSERT_EQ(z.shape, (std::vector<std::int64_t>{20, 2}));
  const Tensor back = array_of("decode " + at("moons") + " " + at("z.npy") + " --tolerance 1e-7", "back.npy");
  const Dataset moons = load_dataset("moons");
  for (std::size_t i = 0; i < 20; ++i)
    for (std::size_t j = 0; j < 2; ++j) EXPECT_NEAR(back.f32()[2 * i + j], moons.row(i)[j], 1e-4) << i;

  array_of("encode " + at("digits") + " digits -n 6", "z8.npy");
  const Tensor pictures = array_of("decode " + at("digits") + " " + at("z8.npy") + " --batch 4", "back8.npy");
  const Dataset digits = load_dataset("digits");
  ASSERT_EQ(pictures.bytes.size(), 6 * static_cast<std::size_t>(digits.shape.size()));
  int compared = 0;
  for (std::size_t i = 0; i < 6; ++i)
    for (const std::uint8_t level : digits.image(i))
      EXPECT_NEAR(pictures.bytes[static_cast<std::size_t>(compared++)], level, 1) << i;
}

TEST_F(FlowCommands, InterpolationEndsAtItsEnds) {
  const Tensor frames = array_of("interpolate " + at("digits") + " digits:3 digits:11 --frames 5", "frames.npy");
  const Dataset digits = load_dataset("digits");
  const auto size = static_cast<std::size_t>(digits.shape.size());
  ASSERT_EQ(frames.bytes.size(), 5 * size);
  for (std::size_t j = 0; j < size; ++j) {
    EXPECT_NEAR(frames.bytes[j], digits.image(3)[j], 1);
    EXPECT_NEAR(frames.bytes[4 * size + j], digits.image(11)[j], 1);
  }
  for (const char* form : {"path.gif", "path.png", "path.npz"}) {
    const std::string command =
        "interpolate " + at("digits") + " digits:3 digits:11 --frames 4 --quiet --out " + at(form);
    const Outcome first = scoresde(command);
    ASSERT_EQ(first.exit, 0) << first.err;
    const std::string bytes = content(at(form));
    EXPECT_FALSE(bytes.empty());
    EXPECT_EQ(scoresde(command).exit, 2) << "an existing file was overwritten";
    EXPECT_EQ(scoresde(command + " --force --batch 1 --threads 1").exit, 0);
    EXPECT_EQ(content(at(form)), bytes) << form;
  }
}

TEST_F(FlowCommands, WrongInputsAreOneSentence) {
  write_npy(at("nan.npy"), Tensor::of({2, 2}, std::vector<float>{0, 1, NAN, 3}));
  write_npy(at("empty.npy"), Tensor::of({0, 2}, std::vector<float>{}));
  write_npy(at("three.npy"), Tensor::of({1, 3}, std::vector<float>{0, 1, 2}));
  const std::string digits = at("digits"), moons = at("moons");
  const struct {
    std::string arguments;
    int exit;
    const char* says;
  } cases[] = {
      {"likelihood " + digits + " moons", 3, "items of 2 columns"},
      {"likelihood " + moons + " digits", 3, "but the model is of 2 columns"},
      {"likelihood " + moons + " " + at("nan.npy"), 3, "nan"},
      {"likelihood " + moons + " " + at("empty.npy"), 3, "empty.npy"},
      {"likelihood " + moons + " moons --dequantise uniform", 2, "is a table"},
      {"likelihood " + moons + " moons --exact --probes 3", 2, "takes no --probes"},
      {"likelihood " + moons + " moons --divergence antithetic --probes 3", 2, "groups of 2"},
      {"likelihood " + moons + " moons --divergence orthogonal --probes 3", 2, "at most"},
      {"likelihood " + moons + " moons --divergence rademacker", 2, "did you mean 'rademacher'"},
      {"likelihood " + moons + " moons --integrator rk4 --tolerance 1e-3", 2, "--steps"},
      {"likelihood " + moons + " moons --steps 9", 2, "--tolerance"},
      {"likelihood " + moons + " moons --tolerance 0", 2, "--tolerance"},
      {"likelihood " + moons + " moons --draws 9", 2, "--bound"},
      {"likelihood " + moons + " moons --class 0", 2, "no classes"},
      {"likelihood " + moons + " moons --out items.png", 2, ".csv or .npy"},
      {"encode " + digits + " moons --out " + at("never.npy"), 3, "items of 2 columns"},
      {"encode " + moons + " moons --out z.png", 2, ".npy"},
      {"decode " + moons + " " + at("nan.npy") + " --out " + at("never.csv"), 3, "row 1 is nan"},
      {"decode " + moons + " " + at("empty.npy") + " --out " + at("never.csv"), 3, "no latents"},
      {"decode " + moons + " " + at("three.npy") + " --out " + at("never.csv"), 3, "3 values"},
      {"interpolate " + digits + " digits:3 digits:99999 --out " + at("never.png"), 2, "items 0 to"},
      {"interpolate " + digits + " digits:3 nowhere --out " + at("never.png"), 2, ".png or .jpg"},
      {"interpolate " + moons + " moons:3 x.png --out " + at("never.csv"), 2, "item of a data set"},
      {"interpolate " + moons + " moons:3 moons:4 --out " + at("never.gif"), 2, "animation"},
      {"interpolate " + digits + " digits:3 digits:4 --frames 1 --out " + at("never.png"), 2, "--frames"},
  };
  for (const auto& wrong : cases) {
    const Outcome outcome = scoresde(wrong.arguments + " --quiet");
    EXPECT_EQ(outcome.exit, wrong.exit) << wrong.arguments << ": " << outcome.err;
    EXPECT_NE(outcome.err.find(wrong.says), std::string::npos) << wrong.arguments << ": " << outcome.err;
    EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
    EXPECT_EQ(outcome.out, "") << wrong.arguments;
  }
}

}  // namespace
}  // namespace scoresde::test
