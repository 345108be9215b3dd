#include "report/progress.h"

#include <gtest/gtest.h>

#include <sstream>

#include "core/text.h"
#include "report/utf8.h"

namespace scoresde {
namespace {

struct Watched {
  double now = 0;
  std::ostringstream out;

  ProgressOptions options(ProgressMode mode, std::size_t columns = 80) {
    return {.mode = mode, .columns = columns, .line_period = 5, .out = &out, .clock = [this] { return now; }};
  }
};

TEST(Progress, SaysDoneRateAndTimeLeft) {
  Watched w;
  Progress progress("sampling", 1000, "images", w.options(ProgressMode::terminal));
  progress.update(0);
  w.now = 2;
  progress.update(200, "NFE 18");
  EXPECT_EQ(progress.line(80), "sampling  200/1,000 images  20%  100/s  ETA 8.0 s  NFE 18");
  progress.update(200, "NFE 18", 3.0);
  EXPECT_EQ(progress.line(80), "sampling  200/1,000 images  20%  100/s  ETA 3.0 s  NFE 18");
}

TEST(Progress, AResumedRunCountsOnlyItsOwnWork) {
  Watched w;
  Progress shown("training", 2000, "images", w.options(ProgressMode::lines));
  shown.update(1000);
  w.now = 10;
  shown.update(1100);
  EXPECT_EQ(shown.line(80), "training  1,100/2,000 images  55%  10/s  ETA 90.0 s");
}

TEST(Progress, TheRateFollowsAChangeOfSpeed) {
  Watched w;
  Progress progress("t", 1e6, "", w.options(ProgressMode::terminal));
  double done = 0;
  for (int second = 0; second < 60; ++second, ++w.now) progress.update(done += 100);
  for (int second = 0; second < 60; ++second, ++w.now) progress.update(done += 500);
  const std::string line = progress.line(80);
  const double rate = std::stod(line.substr(line.find("%  ") + 3));
  EXPECT_GT(rate, 480) << line;
  EXPECT_LE(rate, 500) << line;
}

TEST(Progress, ATerminalLineIsRewrittenNeverWrapsAndIsCleared) {
  Watched w;
  {
    Progress progress("drawing σ", 10, "images", w.options(ProgressMode::terminal, 40));
    for (int k = 0; k <= 10; ++k, w.now += 1)
      progress.update(k, "a text much too long for so narrow a terminal\nand two lines");
  }
  const std::string text = w.out.str();
  EXPECT_EQ(text.find('\n'), std::string::npos);
  std::size_t at = 0;
  int lines = 0;
  while ((at = text.find("\x1b[2K", at)) != std::string::npos) {
    at += 4;
    EXPECT_LT(display_width(text.substr(at, text.find('\r', at) - at)), 40u);
    ++lines;
  }
  EXPECT_EQ(lines, 12);
  EXPECT_TRUE(text.ends_with("\r\x1b[2K"));
}

TEST(Progress, APlainLineEveryFewSecondsAndTheLastState) {
  Watched w;
  {
    Progress progress("training", 1000, "images", w.options(ProgressMode::lines));
    for (int k = 0; k <= 120; ++k, w.now += 0.1) progress.update(k);
    progress.note("checkpoint written");
  }
  const std::vector<std::string> lines = split(w.out.str(), '\n');
  ASSERT_EQ(lines.size(), 5u) << w.out.str();  // at 5 s, 10 s, the note, the end, and nothing behind it
  EXPECT_EQ(lines[2], "checkpoint written");
  EXPECT_NE(lines[3].find("120/1,000"), std::string::npos);
  EXPECT_EQ(w.out.str().find('\x1b'), std::string::npos);
}

TEST(Progress, QuietIsQuiet) {
  Watched w;
  {
    Progress progress("x", 10, "", w.options(ProgressMode::quiet));
    for (int k = 0; k <= 10; ++k, w.now += 10) progress.update(k);
    progress.note("y");
  }
  EXPECT_EQ(w.out.str(), "");
}

TEST(Progress, AnUnknownTotalHasNoTimeLeft) {
  Watched w;
  Progress progress("reading", 0, "files", w.options(ProgressMode::lines));
  progress.update(0);
  w.now = 4;
  progress.update(2);
  EXPECT_EQ(progress.line(80), "reading  2 files  0.5/s");
}

}  // namespace
}  // namespace scoresde
