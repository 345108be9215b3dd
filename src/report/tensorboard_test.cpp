#include "report/tensorboard.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "core/error.h"

namespace scoresde {
namespace {

class TensorBoard : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(::testing::TempDir()) /
              (std::string("scoresde_events_") + ::testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::remove_all(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  static std::vector<float> scalars_of(const EventFile& file, std::string_view tag) {
    std::vector<float> values;
    for (const EventValue& value : file.values)
      if (value.tag == tag) values.push_back(value.scalar.value());
    return values;
  }

  fs::path folder_;
};

// The examples of RFC 3720, B.4, and the check value of the catalogue of CRC algorithms.
TEST(Crc32c, MeetsThePublishedVectors) {
  std::vector<std::uint8_t> bytes(32, 0);
  EXPECT_EQ(crc32c(bytes), 0x8a9136aau);
  std::fill(bytes.begin(), bytes.end(), 0xff);
  EXPECT_EQ(crc32c(bytes), 0x62a8ab43u);
  std::iota(bytes.begin(), bytes.end(), std::uint8_t{0});
  EXPECT_EQ(crc32c(bytes), 0x46dd794eu);
  std::reverse(bytes.begin(), bytes.end());
  EXPECT_EQ(crc32c(bytes), 0x113fdb5cu);
  const std::string digits = "123456789";
  EXPECT_EQ(crc32c({reinterpret_cast<const std::uint8_t*>(digits.data()), digits.size()}), 0xe3069283u);
  EXPECT_EQ(crc32c({}), 0u);
}

TEST_F(TensorBoard, WhatIsWrittenIsReadAgain) {
  Image picture{.width = 3, .height = 2, .channels = 3, .pixels = std::vector<std::uint8_t>(18, 200)};
  EventWriter writer(folder_);
  writer.scalar("loss/train", 7, 0.25);
  const std::vector<std::pair<std::string, double>> pair{{"lr", 1e-4}, {"speed", 1234.5}};
  writer.scalars(300, pair);
  writer.image("samples/ema", 300, picture);
  writer.text("config", 0, "    [net]\n    channels = 64");
  writer.flush();
  EXPECT_TRUE(writer.path().filename().string().starts_with("events.out.tfevents.")) << writer.path();

  const EventFile file = read_events(writer.path());
  EXPECT_EQ(file.version, "brain.Event:2");
  EXPECT_FALSE(file.torn);
  EXPECT_EQ(file.whole_bytes, fs::file_size(writer.path()));
  ASSERT_EQ(file.values.size(), 5u);
  EXPECT_EQ(file.values[0].tag, "loss/train");
  EXPECT_EQ(file.values[0].step, 7);
  EXPECT_EQ(file.values[0].scalar, 0.25f);
  EXPECT_GT(file.values[0].wall_time, 1.6e9);
  EXPECT_EQ(file.values[1].scalar, 1e-4f);
  EXPECT_EQ(file.values[2].scalar, 1234.5f);
  EXPECT_EQ(file.values[2].step, 300);
  const auto png = encode_png(picture);
  EXPECT_EQ(file.values[3].png, std::string(png.begin(), png.end()));
  EXPECT_EQ(file.values[4].text, "    [net]\n    channels = 64");
}

// The bytes of a scalar event by hand from event.proto and summary.proto, apart from the wall time.
TEST_F(TensorBoard, TheBytesAreThoseOfTheFormat) {
  EventWriter writer(folder_);
  const auto before = fs::file_size(writer.path());
  writer.scalar("a", 2, 1.0);
  writer.flush();
  const std::string record = read_text(writer.path()).substr(before);
  ASSERT_EQ(record.size(), 12u + 23u + 4u);
  EXPECT_EQ(record.substr(0, 8), std::string("\x17\0\0\0\0\0\0\0", 8));
  EXPECT_EQ(record[12], '\x09');  // field 1, 64 bits
  EXPECT_EQ(record.substr(21, 14), std::string("\x10\x02\x2a\x0a\x0a\x08\x0a\x01"
                                               "a"
                                               "\x15\0\0\x80\x3f",
                                               14));
}

TEST_F(TensorBoard, AResumedRunContinuesWhereItsCheckpointWas) {
  fs::path path;
  {
    EventWriter writer(folder_);
    for (int step = 1; step <= 10; ++step) writer.scalar("loss", step, step);
    path = writer.path();
  }
  fs::resize_file(path, fs::file_size(path) - 3);  // killed while writing
  EXPECT_TRUE(read_events(path).torn);
  {
    EventWriter writer(folder_, 6);
    EXPECT_EQ(writer.path(), path);
    writer.scalar("loss", 7, 70);
  }
  const EventFile file = read_events(path);
  EXPECT_FALSE(file.torn);
  EXPECT_EQ(file.version, "brain.Event:2");
  EXPECT_EQ(scalars_of(file, "loss"), (std::vector<float>{1, 2, 3, 4, 5, 6, 70}));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()), 1);
}

TEST_F(TensorBoard, ResumingWithoutAFileStartsOne) {
  EventWriter writer(folder_, 100);
  EXPECT_EQ(read_events(writer.path()).version, "brain.Event:2");
}

TEST_F(TensorBoard, AFlippedBitIsSeen) {
  EventWriter writer(folder_);
  writer.scalar("loss", 1, 1);
  writer.flush();
  const std::string good = read_text(writer.path());
  for (std::size_t at = 0; at < good.size(); ++at) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 16);
    write_atomically(folder_ / "bad", bad);
    const EventFile file = read_events(folder_ / "bad");
    EXPECT_TRUE(file.torn) << at;
    EXPECT_TRUE(file.values.empty()) << at;
  }
}

TEST_F(TensorBoard, AFileOfSomethingElseIsNotCut) {
  fs::create_directories(folder_);
  write_atomically(folder_ / "events.out.tfevents.1.x", "not events at all, but dear to somebody");
  EXPECT_THROW(EventWriter(folder_, 5), Error);
  EXPECT_EQ(read_text(folder_ / "events.out.tfevents.1.x"), "not events at all, but dear to somebody");
}

}  // namespace
}  // namespace scoresde
