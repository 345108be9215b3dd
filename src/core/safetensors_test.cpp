#include "core/safetensors.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstring>
#include <fstream>

#include "core/error.h"

namespace scoresde {
namespace {

class SafetensorsTest : public testing::Test {
 protected:
  SafetensorsTest()
      : path_(fs::path(testing::TempDir()) /
              (std::string(testing::UnitTest::GetInstance()->current_test_info()->name()) + ".safetensors")) {
    fs::remove(path_);  // a killed run may have left it
  }
  ~SafetensorsTest() override { fs::remove(path_); }

  void write_raw(const std::string& bytes) const { std::ofstream(path_, std::ios::binary) << bytes; }

  // A file of this header and so many data bytes.
  void write_file(const std::string& header, std::size_t data_bytes) const {
    const std::uint64_t length = header.size();
    std::string bytes(8, '\0');
    std::memcpy(bytes.data(), &length, 8);
    write_raw(bytes + header + std::string(data_bytes, 'x'));
  }

  // The message of the refusal, or "" where the file is read.
  std::string refusal() const {
    try {
      read_safetensors(path_);
    } catch (const Error& error) {
      EXPECT_EQ(error.failure(), Failure::data);
      EXPECT_NE(std::string(error.what()).find(path_.string()), std::string::npos);
      return error.what();
    }
    return "";
  }

  std::string refusal_of(const std::string& header, std::size_t data_bytes) const {
    write_file(header, data_bytes);
    return refusal();
  }

  static Safetensors example() {
    Safetensors content;
    content.tensors["a.weight"] = Tensor::of({2, 3}, std::vector<float>{1, 2, 3, 4, 5, 6});
    content.tensors["b"] = Tensor::of({}, std::vector<double>{-0.0});
    content.tensors["empty"] = Tensor::of({0, 4}, std::vector<float>{});
    content.tensors["step"] = Tensor::of({1}, std::vector<std::int64_t>{-5});
    content.metadata = {{"sde", "{\"name\": \"vp\"}"}, {"note", "\xc3\xa9 \"quoted\"\n"}};
    return content;
  }

  fs::path path_;
};

TEST_F(SafetensorsTest, RoundTrip) {
  const Safetensors content = example();
  write_safetensors(path_, content);
  const Safetensors read = read_safetensors(path_);
  ASSERT_EQ(read.tensors.size(), content.tensors.size());
  for (const auto& [name, tensor] : content.tensors) {
    EXPECT_EQ(read.at(name).dtype, tensor.dtype);
    EXPECT_EQ(read.at(name).shape, tensor.shape);
    EXPECT_EQ(read.at(name).bytes, tensor.bytes);
  }
  for (const auto& [key, text] : content.metadata) EXPECT_EQ(read.metadata.at(key), text);
  EXPECT_EQ(read_safetensors_metadata(path_), read.metadata);
  EXPECT_EQ(read.at("a.weight").f32()[5], 6);
  EXPECT_EQ(read.at("step").i64()[0], -5);
  EXPECT_THROW(read.at("a.weight").f64(), Error);
  EXPECT_THROW(read.at("a.bias"), Error);
}

TEST_F(SafetensorsTest, NothingAtAllIsAFileToo) {
  write_safetensors(path_, {});
  EXPECT_TRUE(read_safetensors(path_).tensors.empty());
}

// Two bits of every byte of a written file: refused, or (white space and upper-case hexadecimal) of no consequence.
TEST_F(SafetensorsTest, AnyFlippedBitIsNoticed) {
  const Safetensors content = example();
  write_safetensors(path_, content);
  const auto bytes = read_bytes(path_);
  const auto metadata = read_safetensors(path_).metadata;
  int read_all_the_same = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i)
    for (int bit : {static_cast<int>(i % 8), static_cast<int>((i * 3 + 5) % 8)}) {
      std::string damaged(bytes.begin(), bytes.end());
      damaged[i] = static_cast<char>(damaged[i] ^ (1 << bit));
      write_raw(damaged);
      if (!refusal().empty()) continue;
      ++read_all_the_same;
      const Safetensors read = read_safetensors(path_);
      for (const auto& [name, tensor] : content.tensors) {
        EXPECT_EQ(read.at(name).bytes, tensor.bytes) << i << " " << bit;
        EXPECT_EQ(read.at(name).shape, tensor.shape) << i << " " << bit;
      }
      for (const auto& [key, text] : content.metadata)
        EXPECT_TRUE(read.metadata.contains(key) && read.metadata.at(key) == text) << i << " " << bit;
    }
  EXPECT_LT(read_all_the_same, 60);
}

TEST_F(SafetensorsTest, EveryTruncationIsNoticed) {
  write_safetensors(path_, example());
  const auto bytes = read_bytes(path_);
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    write_raw(std::string(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(n)));
    EXPECT_NE(refusal(), "") << n;
  }
  write_raw(std::string(bytes.begin(), bytes.end()) + "x");
  EXPECT_NE(refusal(), "");
}

TEST_F(SafetensorsTest, TensorsMustLieEndToEnd) {
  const auto two = [&](int first, int last, int next, int end, std::size_t bytes) {
    return refusal_of(fmt::format(R"({{"a":{{"dtype":"U8","shape":[{}],"data_offsets":[{},{}]}},)"
                                  R"("b":{{"dtype":"U8","shape":[{}],"data_offsets":[{},{}]}}}})",
                                  last - first, first, last, end - next, next, end),
                      bytes);
  };
  EXPECT_EQ(two(0, 4, 4, 8, 8), "");
  EXPECT_EQ(two(4, 8, 0, 4, 8), "");
  EXPECT_NE(two(0, 4, 2, 6, 8).find("overlap"), std::string::npos);  // 4 + 4 = 8: the total alone looks right
  EXPECT_NE(two(0, 4, 0, 4, 8).find("overlap"), std::string::npos);
  EXPECT_NE(two(0, 3, 4, 8, 8).find("gap"), std::string::npos);
  EXPECT_NE(two(1, 4, 4, 8, 8).find("gap"), std::string::npos);
  EXPECT_NE(two(0, 4, 4, 7, 8).find("cover 7 of 8"), std::string::npos);
}

TEST_F(SafetensorsTest, HostileHeadersAreErrors) {
  const auto entry = [&](const std::string& content, std::size_t bytes = 8) {
    return refusal_of("{\"a\":" + content + "}", bytes);
  };
  EXPECT_EQ(entry(R"({"dtype":"F32","shape":[2],"data_offsets":[0,8]})"), "");
  for (const char* content :
       {R"({"dtype":"F32","shape":[3],"data_offsets":[0,8]})", R"({"dtype":"F33","shape":[2],"data_offsets":[0,8]})",
        R"({"dtype":"F32","shape":[-2],"data_offsets":[0,8]})", R"({"dtype":"F32","shape":[2.0],"data_offsets":[0,8]})",
        R"({"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,8]})",
        R"({"dtype":"F32","shape":[9223372036854775809,2],"data_offsets":[0,8]})",
        R"({"dtype":"F32","shape":[0,18446744073709551615],"data_offsets":[0,0]})",
        R"({"dtype":"F32","shape":[2],"data_offsets":[8,0]})", R"({"dtype":"F32","shape":[2],"data_offsets":[0,16]})",
        R"({"dtype":"F32","shape":[2],"data_offsets":[18446744073709551608,0]})",
        R"({"dtype":"F32","shape":[2],"data_offsets":[0]})", R"({"dtype":"F32","shape":2,"data_offsets":[0,8]})",
        R"({"dtype":32,"shape":[2],"data_offsets":[0,8]})", R"({"shape":[2],"data_offsets":[0,8]})", "7", "null", "[]",
        "{}"})
    EXPECT_NE(entry(content), "") << content;
  EXPECT_NE(refusal_of(R"({"__metadata__":{"step":7}})", 0), "");
  EXPECT_NE(refusal_of(R"({"__metadata__":[]})", 0), "");
  const std::string four = R"("a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]})";
  EXPECT_EQ(refusal_of("{" + four + "}", 4), "");
  EXPECT_NE(refusal_of("{" + four + "," + four + "}", 4).find("twice"), std::string::npos);
  for (const char* header : {"", "[]", "null", "{", "{\"a\":\xff}", "not json"})
    EXPECT_NE(refusal_of(header, 8), "") << header;
  EXPECT_NE(refusal_of(std::string(100'000, '['), 0), "");
}

// Copying and dumping JSON recurses: 400,000 brackets ended the process.
TEST_F(SafetensorsTest, DeeplyNestedHeadersAreErrors) {
  const std::string deep = std::string(200'000, '[') + std::string(200'000, ']');
  EXPECT_NE(refusal_of(R"({"__metadata__":{"header_crc32":"0"},"a":)" + deep + "}", 0), "");
  EXPECT_NE(refusal_of(R"({"a":{"dtype":"U8","shape":)" + deep + R"(,"data_offsets":[0,0]}})", 0), "");
  EXPECT_NE(refusal_of(R"({"a":)" + deep + "}", 0), "");
}

TEST_F(SafetensorsTest, DevicesAndFifosAreErrors) {
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  EXPECT_NE(refusal().find("no regular file"), std::string::npos);
  EXPECT_THROW(read_safetensors("/dev/null"), Error);
}

TEST_F(SafetensorsTest, TextThatIsNotUtf8IsWrittenWithReplacements) {
  write_safetensors(path_, {{}, {{"data", "caf\xe9"}}});
  EXPECT_EQ(read_safetensors(path_).metadata.at("data"), "caf\xef\xbf\xbd");
}

TEST_F(SafetensorsTest, AbsurdLengthsAreErrors) {
  for (std::uint64_t length : {std::uint64_t{1} << 62, ~std::uint64_t{0}, std::uint64_t{100}}) {
    std::string bytes(8, '\0');
    std::memcpy(bytes.data(), &length, 8);
    write_raw(bytes + "{}");
    EXPECT_NE(refusal(), "");
  }
  fs::remove(path_);
  EXPECT_NE(refusal(), "");
}

TEST_F(SafetensorsTest, FilesOfOthersNeedNoChecksum) {
  write_file(R"({"__metadata__":{"format":"pt"},"w":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]}})", 4);
  const Safetensors read = read_safetensors(path_);
  EXPECT_EQ(read.metadata.at("format"), "pt");
  EXPECT_EQ(read.at("w").dtype, Dtype::bf16);
}

}  // namespace
}  // namespace scoresde
