#include "core/file.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <fstream>

#include "core/error.h"

namespace scoresde {
namespace {

class FileTest : public testing::Test {
 protected:
  FileTest() {
    folder_ = fs::path(testing::TempDir()) /
              (std::string("scoresde_") + testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  ~FileTest() override { fs::remove_all(folder_); }

  fs::path write(const std::string& name, std::span<const std::uint8_t> bytes) const {
    std::ofstream(folder_ / name, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    return folder_ / name;
  }

  std::size_t files() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()));
  }

  fs::path folder_;
};

std::string error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

std::vector<std::uint8_t> gzipped(std::span<const std::uint8_t> bytes) {
  z_stream stream{};
  deflateInit2(&stream, 9, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  std::vector<std::uint8_t> packed(deflateBound(&stream, bytes.size()) + 64);
  stream.next_in = const_cast<Bytef*>(bytes.data());
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = packed.data();
  stream.avail_out = static_cast<uInt>(packed.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

std::vector<std::uint8_t> some_bytes(std::size_t n) {
  std::vector<std::uint8_t> bytes(n);
  std::uint32_t state = 1;
  for (auto& b : bytes) b = static_cast<std::uint8_t>((state = state * 1664525u + 1013904223u) >> 26);
  return bytes;
}

TEST_F(FileTest, AtomicWriteReplacesWholeFilesAndLeavesNothingBeside) {
  const fs::path path = folder_ / "new" / "folder" / "a.txt";
  write_atomically(path, "first");
  write_atomically(path, "second");
  EXPECT_EQ(read_text(path), "second");
  EXPECT_FALSE(fs::exists(path.string() + ".tmp"));
}

TEST_F(FileTest, AFailedWriteKeepsTheOldFileAndTidiesUp) {
  const fs::path path = folder_ / "a.txt";
  write_atomically(path, "old");
  EXPECT_THROW(write_atomically(path,
                                [](std::ostream& out) {
                                  out << "half";
                                  fail(Failure::run, "no more");
                                }),
               Error);
  EXPECT_NE(error_of([&] { write_atomically(path, [](std::ostream& out) { out.setstate(std::ios::badbit); }); }), "");
  EXPECT_EQ(read_text(path), "old");
  EXPECT_EQ(files(), 1u);
}

TEST_F(FileTest, PlacesThatCannotBeWrittenAreErrors) {
  write_atomically(folder_ / "file", "x");
  EXPECT_NE(error_of([&] { write_atomically(folder_ / "file" / "below", "x"); }), "");
  fs::create_directories(folder_ / "folder" / "inside");
  EXPECT_NE(error_of([&] { write_atomically(folder_ / "folder", "x"); }).find("is a folder"), std::string::npos);
  EXPECT_FALSE(fs::exists(folder_ / "folder.tmp"));
}

TEST_F(FileTest, ReadingSaysWhatIsWrong) {
  EXPECT_NE(error_of([&] { read_bytes(folder_ / "none"); }).find("No such file"), std::string::npos);
  EXPECT_NE(error_of([&] { read_bytes(folder_); }).find("is a folder"), std::string::npos);
  const auto path = write("ten", some_bytes(10));
  EXPECT_NE(error_of([&] { read_bytes(path, 9); }).find("at most 9"), std::string::npos);
  EXPECT_EQ(read_bytes(path, 10).size(), 10u);
  EXPECT_NE(error_of([&] { read_bytes("/dev/null"); }).find("no regular file"), std::string::npos);
}

TEST_F(FileTest, GzipUnpacks) {
  const auto bytes = some_bytes(3'000'000);
  auto packed = gzipped(bytes);
  EXPECT_EQ(read_possibly_gzipped(write("a.gz", packed)), bytes);
  EXPECT_EQ(read_possibly_gzipped(write("plain", bytes)), bytes);
  const auto tail = gzipped(some_bytes(10));  // two members are one file
  packed.insert(packed.end(), tail.begin(), tail.end());
  EXPECT_EQ(read_possibly_gzipped(write("two.gz", packed)).size(), bytes.size() + 10);
  EXPECT_TRUE(read_possibly_gzipped(write("empty.gz", gzipped({}))).empty());
  EXPECT_TRUE(read_possibly_gzipped(write("empty", {})).empty());
}

TEST_F(FileTest, DamagedGzipIsAnError) {
  const auto packed = gzipped(some_bytes(20'000));
  for (std::size_t n = 2; n < packed.size(); n += 97)
    EXPECT_NE(error_of([&] { read_possibly_gzipped(write("cut.gz", std::span(packed).first(n))); }).find("truncated"),
              std::string::npos)
        << n;
  for (std::size_t n = 20; n < packed.size(); n += 97) {  // the checksum notices any flipped bit of the data
    auto broken = packed;
    broken[n] ^= 16;
    EXPECT_NE(error_of([&] { read_possibly_gzipped(write("broken.gz", broken)); }), "") << n;
  }
  auto followed = packed;
  followed.insert(followed.end(), {1, 2, 3});
  EXPECT_NE(error_of([&] { read_possibly_gzipped(write("followed.gz", followed)); }), "");
}

TEST_F(FileTest, GzipThatGrowsTooLargeIsAnError) {
  const auto path = write("bomb.gz", gzipped(std::vector<std::uint8_t>(10'000'000)));
  EXPECT_NE(error_of([&] { read_possibly_gzipped(path, 1'000'000); }).find("more than 1000000"), std::string::npos);
}

TEST_F(FileTest, ExistingOutputsNeedForce) {
  const auto path = write("a", some_bytes(1));
  EXPECT_NE(error_of([&] { require_free(path, false); }).find("--force"), std::string::npos);
  EXPECT_NO_THROW(require_free(path, true));
  EXPECT_NO_THROW(require_free(folder_ / "b", false));
}

TEST(Crc32, IsThatOfZipAndPng) {
  const std::string text = "123456789";
  const std::vector<std::uint8_t> bytes(text.begin(), text.end());
  EXPECT_EQ(crc32(bytes), 0xCBF43926u);
  EXPECT_EQ(crc32(std::span(bytes).subspan(4), crc32(std::span(bytes).first(4))), 0xCBF43926u);
  EXPECT_EQ(crc32({}, 0xCBF43926u), 0xCBF43926u);
}

}  // namespace
}  // namespace scoresde
