#include "report/table.h"

#include <gtest/gtest.h>

#include "core/text.h"
#include "report/utf8.h"

namespace scoresde {
namespace {

const Table kSolvers{{"solver", "NFE", "σ error"},
                     {{"heun", "35", "1.2 ± 0.1"}, {"predictor-corrector", "2,000", "—"}, {"ddim", "50", "−0.9"}}};

TEST(Table, NumbersStandFlushRight) {
  EXPECT_EQ(text_table(kSolvers),
            "solver                 NFE    σ error\n"
            "───────────────────  ─────  ─────────\n"
            "heun                    35  1.2 ± 0.1\n"
            "predictor-corrector  2,000          —\n"
            "ddim                    50       −0.9\n");
}

TEST(Table, WhatIsANumber) {
  const auto numeric = [](std::string cell) { return is_number_column({{"x"}, {{std::move(cell)}}}, 0); };
  for (const char* cell : {"1", "-2.5e-3", "12.3 s", "81%", "60,000", "inf", "~7", "4.0 ± 0.2 bits", "<0.01", ".5"})
    EXPECT_TRUE(numeric(cell)) << cell;
  for (const char* cell : {"heun", "28x28", "2 h 10 min", "3 samples of 64", "", "-"})
    EXPECT_FALSE(numeric(cell)) << cell;
}

TEST(Table, NeverWiderThanTheTerminal) {
  const std::string words = "reverse diffusion with a Langevin corrector after every step and a last denoising step";
  const Table table{{"name", "what it is", "file", "order"},
                    {{"pc", words, std::string(90, 'x'), "0.5"}, {"散歩", "", "", "1"}}};
  for (std::size_t columns : {80u, 50u, 30u})
    for (const std::string& line : split(text_table(table, columns), '\n'))
      EXPECT_LE(display_width(line), columns) << line;
  const std::string text = text_table(table);
  EXPECT_NE(text.find("Langevin"), std::string::npos) << text;
  EXPECT_NE(text.find("denoising"), std::string::npos) << text;
}

TEST(Table, MarkdownAndHtmlComeFromTheSameDescription) {
  const Table table{{"name", "value"}, {{"a|b", "1"}, {"<i>"}}};
  EXPECT_EQ(markdown_table(table), "| name | value |\n| --- | ---: |\n| a\\|b | 1 |\n| <i> |  |\n");
  const std::string html = html_table(table);
  EXPECT_NE(html.find("<td>&lt;i&gt;</td><td class=\"number\"></td>"), std::string::npos) << html;
  EXPECT_NE(html.find("<th scope=\"col\" class=\"number\">value</th>"), std::string::npos) << html;
}

TEST(Table, AnEmptyTableIsNoText) { EXPECT_EQ(text_table({}), ""); }

}  // namespace
}  // namespace scoresde
