#include "report/markup.h"

#include <gtest/gtest.h>

#include "report/utf8.h"

namespace scoresde {
namespace {

TEST(Markup, NothingThatIsTextBecomesMarkup) {
  EXPECT_EQ(escape_markup("<script>alert('a & \"b\"')</script>"),
            "&lt;script&gt;alert(&#39;a &amp; &quot;b&quot;&#39;)&lt;/script&gt;");
  EXPECT_EQ(escape_markup("a\nb\tc\x1b[31m\x01"), "a\nb\tc [31m ");
  EXPECT_EQ(escape_markup("caf\xe9 \xc3\xa9 \xed\xa0\x80"), "caf\xef\xbf\xbd é \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
  EXPECT_EQ(escape_markup(""), "");
}

TEST(Markup, Base64MeetsRfc4648) {
  const auto encoded = [](std::string_view text) {
    return base64({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  };
  EXPECT_EQ(encoded(""), "");
  EXPECT_EQ(encoded("f"), "Zg==");
  EXPECT_EQ(encoded("fo"), "Zm8=");
  EXPECT_EQ(encoded("foo"), "Zm9v");
  EXPECT_EQ(encoded("foobar"), "Zm9vYmFy");
  EXPECT_EQ(encoded("\xff\xfe\xfd"), "//79");
}

TEST(Utf8, WidthCountsWhatATerminalShows) {
  EXPECT_EQ(display_width("abc"), 3u);
  EXPECT_EQ(display_width("σ ± ∞"), 5u);
  EXPECT_EQ(display_width("e\xcc\x81"), 1u);
  EXPECT_EQ(display_width("散歩"), 4u);
  EXPECT_EQ(display_width("\xff\xc3"), 2u);
}

TEST(Utf8, ATextIsCutBetweenCodePoints) {
  EXPECT_EQ(fit_width("σσσσ", 4), "σσσσ");
  EXPECT_EQ(fit_width("σσσσ", 3), "σσ…");
  EXPECT_EQ(fit_width("散歩道", 4), "散…");
  EXPECT_EQ(fit_width("ab", 0), "");
  EXPECT_EQ(pad_left("σ", 3), "  σ");
  EXPECT_EQ(pad_right("σ", 3), "σ  ");
}

}  // namespace
}  // namespace scoresde
