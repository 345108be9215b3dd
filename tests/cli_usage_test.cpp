#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "process.h"

namespace scoresde::test {
namespace {

// What needs no LibTorch answers at once. The best of five: a busy machine may delay any one of them.
double best_seconds(const std::string& arguments) {
  double best = 1e9;
  for (int k = 0; k < 5; ++k) best = std::min(best, scoresde(arguments).seconds);
  return best;
}

TEST(CliUsage, HelpListsAndErrorsAnswerAtOnce) {
  for (const char* arguments :
       {"--help", "--version", "train --help", "sample --help", "list", "list solvers", "smaple"})
    EXPECT_LT(best_seconds(arguments), 0.05) << arguments;
}

TEST(CliUsage, EveryHelpBeginsWithAnExample) {
  for (const char* command :
       {"", "train", "sample", "likelihood", "encode", "decode", "interpolate", "evaluate", "compare", "calibrate",
        "replay", "data", "info", "list", "report", "selftest", "bench", "restore"}) {
    const Outcome outcome = scoresde(std::string(command) + " --help");
    EXPECT_EQ(outcome.exit, 0) << command;
    EXPECT_EQ(outcome.out.rfind("Example:\n  scoresde ", 0), 0u) << outcome.out.substr(0, 200);
  }
}

struct WrongCase {
  const char* arguments;
  int exit;
  const char* says;
};

TEST(CliUsage, WrongUsageSaysWhatWhereAndWhatIsAllowed) {
  const WrongCase cases[] = {
      {"smaple", 2, "did you mean 'sample'"},
      {"", 2, "subcommand"},
      {"list solvres", 2, "did you mean 'solvers'"},
      {"train digits", 2, "--out"},
      {"train digits --out /nonexistent/x --preset digitz", 2, "did you mean 'digits'"},
      {"train digits --out /nonexistent/x --set net.chanels=3", 2, "did you mean 'net.channels'"},
      {"train digits --out /nonexistent/x --set net.channels=0", 2, "outside [1, 4096]"},
      {"train digits --out /nonexistent/x --sde vpp", 2, "did you mean"},
      {"train /nonexistent/folder --images 9 --out /nonexistent/x", 3, "/nonexistent/folder"},
      {"sample /nonexistent/run --out x.png", 3, "/nonexistent/run"},
      {"sample x --out y.png --seeds 5-1", 2, "--seeds"},
      {"evaluate moons --against moons --metrics enrgy", 2, "did you mean 'energy'"},
      {"evaluate moons --against digits", 3, "2 columns"},
      {"evaluate moons --against moons --metrics energy --classifier x", 2, "excludes"},
      {"evaluate moons", 2, "--against"},
      {"evaluate moons --against moons --features pixls", 2, "did you mean 'pixels'"},
      {"evaluate moons --against moons --features classifier", 2, "classifier:FILE"},
      {"compare x --table likelyhood", 2, "did you mean 'likelihood'"},
      {"calibrate x --nfe 1", 2, "2 to 1000"},
      {"replay /nonexistent.png", 3, "/nonexistent.png"},
      {"selftest --only marginls", 2, "did you mean 'marginals'"},
      {"data /nonexistent", 3, "/nonexistent"},
      {"info /nonexistent", 3, "/nonexistent"},
      {"report /nonexistent", 3, "/nonexistent"},
  };
  for (const WrongCase& wrong : cases) {
    const Outcome outcome = scoresde(wrong.arguments);
    EXPECT_EQ(outcome.exit, wrong.exit) << wrong.arguments << ": " << outcome.err;
    EXPECT_NE(outcome.err.find(wrong.says), std::string::npos) << wrong.arguments << ": " << outcome.err;
    EXPECT_EQ(outcome.out, "") << wrong.arguments;
    EXPECT_EQ(outcome.err.rfind("scoresde: ", 0), 0u) << outcome.err;
    EXPECT_LE(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
  }
}

TEST(CliUsage, EvaluateTellsOneLawFromAnother) {
  const auto c2st = [](const std::string& samples) {
    const Outcome outcome =
        scoresde("evaluate " + samples + " --against moons -n 500 --metrics c2st-knn,energy --json");
    EXPECT_EQ(outcome.exit, 0) << outcome.err;
    return nlohmann::json::parse(outcome.out)["metrics"]["c2st-knn"];
  };
  const nlohmann::json same = c2st("moons"), other = c2st("pinwheel");
  EXPECT_LT(same["samples"]["low"], 0.5);
  EXPECT_GT(other["samples"]["low"], 0.8);
  EXPECT_LT(other["real"]["low"], 0.5);
}

}  // namespace
}  // namespace scoresde::test