#include "core/text.h"

#include <gtest/gtest.h>

#include "core/catalog.h"

namespace scoresde {
namespace {

TEST(Text, NearestIsWhatWasMeantOrNothing) {
  const std::string_view names[] = {"euler", "heun", "euler-maruyama"};
  EXPECT_EQ(nearest("hoin", names), "heun");
  EXPECT_EQ(nearest("eulr", names), "euler");
  EXPECT_EQ(nearest("xyzzy", names), "");
  EXPECT_EQ(nearest("", names), "");
}

TEST(Text, SplitKeepsEmptyParts) {
  using Parts = std::vector<std::string>;
  EXPECT_EQ(split("a,b", ','), (Parts{"a", "b"}));
  EXPECT_EQ(split("a,,b,", ','), (Parts{"a", "", "b", ""}));
  EXPECT_EQ(split(",", ','), (Parts{"", ""}));
  EXPECT_EQ(split("", ','), Parts{});
}

TEST(Text, NumbersAreWholeTexts) {
  double x = 0;
  for (const auto& [text, value] : {std::pair{"1e-5", 1e-5}, {"+2", 2.0}, {"-0.25", -0.25}, {"7", 7.0}}) {
    EXPECT_TRUE(parse_number(text, x)) << text;
    EXPECT_EQ(x, value);
  }
  for (const char* text : {"", "+", "+-5", "++5", "1,5", "1e", " 1", "1 ", "0x10", "1.5k", "1e999"})
    EXPECT_FALSE(parse_number(text, x)) << text;
  long long n = 0;
  EXPECT_TRUE(parse_number("-9223372036854775808", n));
  EXPECT_FALSE(parse_number("9223372036854775808", n));
  EXPECT_FALSE(parse_number("1.0", n));
}

TEST(Text, DurationsAndNumbersForPeople) {
  EXPECT_EQ(duration_text(0.85), "850 ms");
  EXPECT_EQ(duration_text(12.34), "12.3 s");
  EXPECT_EQ(duration_text(245), "4 min 05 s");
  EXPECT_EQ(duration_text(3599.7), "1 h 00 min");
  EXPECT_EQ(duration_text(7800), "2 h 10 min");
  EXPECT_EQ(duration_text(-1), "?");
  EXPECT_EQ(duration_text(1e300), "?");
  EXPECT_EQ(grouped(12345678), "12,345,678");
  EXPECT_EQ(grouped(-1234), "-1,234");
  EXPECT_EQ(grouped(999), "999");
}

TEST(Catalog, AnUnknownNameListsTheKnownOnes) {
  struct Entry {
    std::string_view name;
    int value;
  };
  const Entry table[] = {{"heun", 1}, {"euler", 2}};
  EXPECT_EQ(find_entry<Entry>("solver", table, "euler").value, 2);
  try {
    find_entry<Entry>("solver", table, "hoin");
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "no solver 'hoin', did you mean 'heun'?; there are heun, euler");
    EXPECT_EQ(error.failure(), Failure::usage);
  }
}

}  // namespace
}  // namespace scoresde
