#include "core/config.h"

#include <gtest/gtest.h>

#include <limits>

#include "core/file.h"

namespace scoresde {
namespace {

struct Inner {
  int channels = 32;
  std::vector<int> attention = {14};
  static constexpr auto fields() {
    return std::tuple{field("channels", &Inner::channels, "feature maps", {1, 4096}),
                      field("attention", &Inner::attention, "resolutions", {1, 1024})};
  }
};

struct Outer {
  double lr = 2e-4;
  bool flip = true;
  std::string name = "adam";
  long long images = 0;
  std::uint64_t seed = 0;
  int small = 0;
  std::vector<double> betas = {0.9, 0.999};
  std::vector<std::string> tags;
  Inner net;
  static constexpr auto fields() {
    return std::tuple{field("lr", &Outer::lr, "learning rate", {0, 1}), field("flip", &Outer::flip, "mirror"),
                      field("name", &Outer::name, "optimiser"),         field("images", &Outer::images, "budget"),
                      field("seed", &Outer::seed, "of the noise"),      field("small", &Outer::small, "any int"),
                      field("betas", &Outer::betas, "momenta"),         field("tags", &Outer::tags, "words"),
                      field("net", &Outer::net, "the network")};
  }
};

std::string refusal_of_set(std::string_view assignment) {
  Outer config;
  const Json before = to_json(config);
  try {
    set(config, assignment);
  } catch (const Error& error) {
    EXPECT_EQ(error.failure(), Failure::usage);
    EXPECT_EQ(to_json(config), before) << "a refused setting must change nothing";
    return error.what();
  }
  return "";
}

TEST(Config, SetOfEveryType) {
  Outer c;
  for (std::string_view assignment :
       {"lr=0.01", "flip=false", "name=sgd", "images=9223372036854775807", "seed=9223372036854775807",
        "small=-2147483648", "betas=[0.5, 0.75]", "tags=[a, b c]", "net.channels=64", "net.attention=7"})
    set(c, assignment);
  EXPECT_EQ(c.lr, 0.01);
  EXPECT_FALSE(c.flip);
  EXPECT_EQ(c.name, "sgd");
  EXPECT_EQ(c.images, std::numeric_limits<long long>::max());
  EXPECT_EQ(c.seed, 9223372036854775807u);
  EXPECT_EQ(c.small, std::numeric_limits<int>::min());
  EXPECT_EQ(c.betas, (std::vector{0.5, 0.75}));
  EXPECT_EQ(c.tags, (std::vector<std::string>{"a", "b c"}));
  EXPECT_EQ(c.net.channels, 64);
  EXPECT_EQ(c.net.attention, std::vector{7});
  set(c, "name=12");  // a text may look like a number
  EXPECT_EQ(c.name, "12");
  set(c, "name=");
  EXPECT_EQ(c.name, "");
  set(c, "name=a=b");
  EXPECT_EQ(c.name, "a=b");
  set(c, "net.attention=[]");
  EXPECT_TRUE(c.net.attention.empty());
  set(c, "images=5e4");
  EXPECT_EQ(c.images, 50'000);
}

TEST(Config, RefusalsNameTheSettingAndWhatIsAllowed) {
  EXPECT_EQ(refusal_of_set("lr=2"), "lr = 2 is outside [0, 1]");
  EXPECT_EQ(refusal_of_set("net.channels=0"), "net.channels = 0 is outside [1, 4096]");
  EXPECT_NE(refusal_of_set("net.chanels=8").find("did you mean 'net.channels'?"), std::string::npos);
  EXPECT_NE(refusal_of_set("optimizer.lr=8").find("unknown setting 'optimizer'"), std::string::npos);
  EXPECT_NE(refusal_of_set("lr=fast").find("not a number"), std::string::npos);
  EXPECT_NE(refusal_of_set("lr=nan"), "");
  EXPECT_NE(refusal_of_set("flip=1").find("true or false"), std::string::npos);
  EXPECT_NE(refusal_of_set("net.channels=1.5").find("whole number"), std::string::npos);
  EXPECT_NE(refusal_of_set("seed=-1").find("seed = -1 is outside [0, 9223372036854775807]"), std::string::npos);
  EXPECT_NE(refusal_of_set("net=3").find("table"), std::string::npos);
  EXPECT_NE(refusal_of_set("lr").find("name=value"), std::string::npos);
  EXPECT_NE(refusal_of_set("=3").find("name=value"), std::string::npos);
  EXPECT_NE(refusal_of_set("net..channels=3"), "");
  EXPECT_NE(refusal_of_set("net.attention=[7, 0]").find("outside [1, 1024]"), std::string::npos);
}

// A number that the type cannot hold must not wrap round.
TEST(Config, WholeNumbersOutsideTheirTypeAreRefused) {
  for (const char* assignment :
       {"small=2147483648", "small=-2147483649", "small=3e9", "small=1e300", "images=9223372036854775808",
        "images=-9223372036854775809", "images=1e19", "seed=18446744073709551616", "net.attention=5000000000"})
    EXPECT_NE(refusal_of_set(assignment), "") << assignment;
  // TOML ends at 2^63 - 1: a larger seed could not be read back from config.toml.
  EXPECT_NE(refusal_of_set("seed=9223372036854775808"), "");
}

TEST(Config, BytesThatAreNoTextAreAnErrorAndNoCrash) {
  EXPECT_NE(refusal_of_set("lr=\xff\xfe"), "");
  Outer c;
  c.name = "\xff";
  EXPECT_NO_THROW(to_toml(c));
}

TEST(Config, TomlRoundTrip) {
  Outer c;
  c.lr = 1e-5 / 3;
  c.flip = false;
  c.name = "a \"quoted\" \\ name\twith\nlines, # and \x7f \xc3\xa9";
  c.images = -9'000'000'000'000'000'000;
  c.seed = 9'223'372'036'854'775'807;
  c.betas = {0.1, 1e300, -0.0, std::numeric_limits<double>::infinity()};
  c.tags = {"x", "y,z"};
  c.net.attention = {};
  const fs::path path = fs::path(testing::TempDir()) / "config_round_trip.toml";
  write_atomically(path, to_toml(c));
  Outer read;
  update(read, read_toml(path.string()));
  EXPECT_EQ(to_json(read), to_json(c)) << to_toml(c);
  EXPECT_EQ(read.lr, c.lr);
  fs::remove(path);
}

TEST(Config, BrokenTomlNamesTheLine) {
  const fs::path path = fs::path(testing::TempDir()) / "config_broken.toml";
  const auto message = [&](std::string_view text) -> std::string {
    write_atomically(path, text);
    try {
      read_toml(path.string());
    } catch (const Error& error) {
      EXPECT_EQ(error.failure(), Failure::data);
      return error.what();
    }
    return "";
  };
  EXPECT_NE(message("lr = 1\nflip = maybe\n").find("line 2"), std::string::npos);
  EXPECT_NE(message("lr = 1\nlr = 2\n").find("line 2"), std::string::npos);
  EXPECT_NE(message(std::string(10'000, '[')), "");
  EXPECT_NE(message("a = \"\xff\"\n"), "");
  fs::remove(path);
  try {
    read_toml(path.string());
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.failure(), Failure::data);
    EXPECT_EQ(std::string(error.what()).find("line 0"), std::string::npos) << error.what();
  }
}

TEST(Config, EverySettingIsVisited) {
  std::vector<std::string> names;
  for_each_setting(Outer{}, [&](const std::string& name, const Json&, std::string_view help, Range) {
    names.push_back(name);
    EXPECT_FALSE(help.empty());
  });
  EXPECT_EQ(names, (std::vector<std::string>{"lr", "flip", "name", "images", "seed", "small", "betas", "tags",
                                             "net.channels", "net.attention"}));
}

TEST(Config, JsonOfOthersIsNestedAtMost32Deep) {
  const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_TRUE(parse_json(nested(32)).is_array());
  EXPECT_TRUE(parse_json(nested(33)).is_discarded());
  EXPECT_TRUE(parse_json(nested(400'000)).is_discarded());
  EXPECT_TRUE(parse_json("{").is_discarded());
  EXPECT_EQ(parse_json(R"(["[[\"{", "\\"])" + std::string(40, ' ')), (Json{"[[\"{", "\\"}));
  EXPECT_NE(refusal_of_set("small=" + nested(30'000)), "");
}

}  // namespace
}  // namespace scoresde
