#include <gtest/gtest.h>

#include <chrono>

#include "core/config.h"
#include "core/error.h"
#include "core/zip.h"
#include "exchange/checkpoint_file.h"
#include "exchange/pickle.h"
#include "exchange/torch_write.h"
#include "test_paths.h"

namespace scoresde {
namespace {

using Bytes = std::vector<std::uint8_t>;
using namespace std::string_literals;

Bytes bytes_of(const std::string& text) { return {text.begin(), text.end()}; }

// The refusal's message, or "" where the bytes are read; anything but Error{data} is a failure.
std::string refusal_of_bytes(const Bytes& bytes) {
  try {
    const Document document = format_of(bytes, "file").read(bytes, "file");
    for (const NamedArray& array : named_arrays(document, document.root, "file")) array.array.copy();
  } catch (const Error& error) {
    EXPECT_EQ(error.failure(), Failure::data) << error.what();
    EXPECT_EQ(std::string(error.what()).find("file"), 0u) << error.what();
    return error.what();
  }
  return "";
}

// A checkpoint file around a pickle and one storage of `elements` floats with the key 0.
Bytes torch_archive(const std::string& pickle, std::size_t elements = 4) {
  return zip_bytes(std::vector<ZipEntry>{{"a/data.pkl", bytes_of(pickle)}, {"a/data/0", Bytes(4 * elements)}}, false);
}

std::string small_integer(int value) { return "K"s + static_cast<char>(value); }
std::string int_list(std::initializer_list<int> values) {
  std::string result = "(";
  for (const int value : values) result += "J"s + std::string(reinterpret_cast<const char*>(&value), 4);
  return result + "t";
}
const std::string storage_pickle =
    "(U\x07storagectorch\nFloatStorage\nU\x01"
    "0U\x03"
    "cpuK\x04tQ";
std::string tensor_pickle(std::initializer_list<int> shape, std::initializer_list<int> strides, int offset = 0) {
  return "\x80\x02"
         "ctorch._utils\n_rebuild_tensor_v2\n(" +
         storage_pickle + small_integer(offset) + int_list(shape) + int_list(strides) + "\x89NtR.";
}

TEST(HostileCheckpoint, TheHelpersThemselvesAreRead) {
  EXPECT_EQ(refusal_of_bytes(torch_archive(tensor_pickle({2, 2}, {2, 1}))), "");
  EXPECT_EQ(refusal_of_bytes(torch_archive(tensor_pickle({2, 2}, {1, 2}))), "");
  EXPECT_EQ(refusal_of_bytes(torch_archive(tensor_pickle({}, {}, 3))), "");
  EXPECT_EQ(refusal_of_bytes(torch_archive(tensor_pickle({0, 7}, {7, 1}, 4))), "");
}

TEST(HostileCheckpoint, ShapesStridesAndOffsetsOutsideTheStorageAreErrors) {
  for (const std::string& pickle :
       {tensor_pickle({5}, {1}), tensor_pickle({2, 2}, {3, 1}), tensor_pickle({4}, {1}, 1), tensor_pickle({}, {}, 4),
        tensor_pickle({2, 2}, {2}), tensor_pickle({-1}, {1}), tensor_pickle({2}, {-1}),
        tensor_pickle({2147483647, 2147483647, 2147483647}, {0, 0, 0}), tensor_pickle({8}, {0}),
        tensor_pickle({1, 1, 1, 1, 1, 1, 1, 1, 1}, {1, 1, 1, 1, 1, 1, 1, 1, 1}),
        tensor_pickle({0, 2147483647, 2147483647}, {1, 1, 1}), tensor_pickle({2, 2}, {2147483647, 1})})
    EXPECT_NE(refusal_of_bytes(torch_archive(pickle)), "") << shown(pickle);
  EXPECT_NE(refusal_of_bytes(torch_archive(tensor_pickle({2}, {1}), 3)).find("12 bytes"), std::string::npos);
}

TEST(HostileCheckpoint, ForbiddenNamesAreNamedAndNeverRun) {
  for (const auto& [pickle, name] :
       std::vector<std::pair<std::string, std::string>>{{"\x80\x02"
                                                         "cposix\nsystem\nU\x04true\x85R.",
                                                         "posix.system"},
                                                        {"\x80\x04\x8c\x08"
                                                         "builtins\x8c\x04"
                                                         "eval\x93\x8c\x01"
                                                         "1\x85R.",
                                                         "builtins.eval"},
                                                        {"\x80\x02"
                                                         "c__builtin__\nexec\n.",
                                                         "__builtin__.exec"},
                                                        {"\x80\x02"
                                                         "ctorch.storage\n_load_from_bytes\n.",
                                                         "torch.storage._load_from_bytes"},
                                                        {"\x80\x02"
                                                         "cwith\x1b[31m\nescape\n.",
                                                         "with\\u001b[31m.escape"}})
    EXPECT_NE(refusal_of_bytes(torch_archive(pickle)).find(name), std::string::npos)
        << refusal_of_bytes(torch_archive(pickle));
  for (const char code : {'i', 'o', 'P', '\x82', '\x83', '\x92'})  // INST, OBJ, PERSID, EXT, NEWOBJ_EX
    EXPECT_NE(refusal_of_bytes(torch_archive("\x80\x02(" + std::string(1, code))), "");
}

TEST(HostileCheckpoint, ContainersInThemselvesAndDeepNestingEnd) {
  const std::string head = "\x80\x02";
  EXPECT_NE(refusal_of_bytes(torch_archive(head + "]q\x01h\x01"
                                                  "a."))
                .find("deeper"),
            std::string::npos);
  EXPECT_NE(refusal_of_bytes(torch_archive(head + "}q\x01U\x01kh\x01s.")).find("deeper"), std::string::npos);
  EXPECT_NE(refusal_of_bytes(torch_archive(head + std::string(100'000, ']') + std::string(99'999, 'a') + ".")), "");
  std::string laughs = head + "]q" + '\0';  // a list of the last list twice, thirty times: a billion in all
  for (char k = 1; k <= 30; ++k)
    laughs += "](h"s + static_cast<char>(k - 1) + "h" + static_cast<char>(k - 1) + "eq" + k;
  EXPECT_NE(refusal_of_bytes(torch_archive(laughs + ".")).find("more than 1000000"), std::string::npos);
}

TEST(HostileCheckpoint, MemoryStaysWithinTheFilesSize) {
  const std::string head = "\x80\x02";
  const auto start = std::chrono::steady_clock::now();
  // A text, a long integer, a frame, a storage that are said to be huge.
  for (const std::string& pickle :
       {"X\xff\xff\xff\xffx"s, "\x8d\xff\xff\xff\xff\xff\xff\xff\x7fx"s, "\x8b\xff\xff\xff\x7fx"s,
        "(U\x07storagectorch\nFloatStorage\nU\x01"
        "0U\x03"
        "cpu\x8a\x08\0\0\0\0\0\0\0\x7ftQ."s})
    EXPECT_NE(refusal_of_bytes(torch_archive(head + pickle)), "") << shown(pickle);
  EXPECT_NE(refusal_of_bytes(torch_archive(head + "N" + std::string(1'100'000, '2') + ".")).find("stack"),
            std::string::npos);
  EXPECT_NE(refusal_of_bytes(torch_archive(head + std::string(1'100'000, 'N') + ".")).find("values"),
            std::string::npos);
  EXPECT_NE(refusal_of_bytes(torch_archive(head + std::string(1'100'000, '(') + ".")).find("groups"),
            std::string::npos);
  // One list of pairs, copied into a thousand tables.
  std::string copies = head + "ccollections\nOrderedDict\nq\x01](";
  for (int k = 0; k < 5000; ++k) copies += "K\x01K\x02\x86";
  copies += "e\x85q\x02";
  for (int k = 0; k < 1000; ++k) copies += "h\x01h\x02R";
  EXPECT_NE(refusal_of_bytes(torch_archive(copies + ".")).find("copies more"), std::string::npos);
  EXPECT_LT(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(), 20);
}

TEST(HostileCheckpoint, MalformedPicklesAreErrors) {
  const std::string head = "\x80\x02";
  for (const std::string& pickle : {""s,
                                    head,
                                    head + "."s,
                                    head + "t."s,
                                    head + "0."s,
                                    head + "(0."s,
                                    head + "h\x05."s,
                                    head + "Na."s,
                                    head + "NNs."s,
                                    head + "](K\x01K\x01u."s,
                                    head + "}(K\x01u."s,
                                    head + "NN\x93."s,
                                    head + "NNR."s,
                                    head + "ccollections\nOrderedDict\nNR."s,
                                    head + "ccollections\nOrderedDict\n]K\x01"
                                           "aR."s,
                                    head + "NQ."s,
                                    head + "(tQ."s,
                                    head + "NNb."s,
                                    "\x80\x06N."s,
                                    "\x80\x01N."s,
                                    head + "ctorch._utils\n_rebuild_tensor_v2\n)R."s,
                                    head + "cnoline"s,
                                    head + "N.N"s,
                                    head + "ctorch\nSize\n)R."s})
    EXPECT_NE(refusal_of_bytes(torch_archive(pickle)), "") << shown(pickle);
}

TEST(HostileCheckpoint, ArchivesThatAreNoCheckpointsAreErrors) {
  const Bytes pickle = bytes_of(tensor_pickle({4}, {1}));
  const auto refusal = [](const std::vector<ZipEntry>& files, bool deflate = false) {
    return refusal_of_bytes(zip_bytes(files, deflate));
  };
  EXPECT_NE(refusal({{"readme", {}}}).find("data.pkl"), std::string::npos);
  EXPECT_NE(refusal({{"a/data.pkl", pickle}}).find("no file"), std::string::npos);
  EXPECT_NE(refusal({{"a/data.pkl", pickle}, {"b/data/0", Bytes(16)}}).find("no file"), std::string::npos);
  EXPECT_NE(refusal({{"a/data.pkl", pickle}, {"a/data/0", Bytes(16)}, {"a/data/0", Bytes(16)}}).find("two files"),
            std::string::npos);
  EXPECT_NE(refusal({{"a/data.pkl", pickle}, {"a/data/0", Bytes(16)}, {"a/byteorder", bytes_of("big")}}).find("endian"),
            std::string::npos);
  EXPECT_NE(refusal({{"a/data.pkl", pickle}, {"a/data/0", Bytes(1 << 20)}}, true).find("stored"), std::string::npos);
  EXPECT_NE(refusal({{"a/data.pkl", pickle}, {"a/data/0", Bytes(16)}, {"b/data.pkl", pickle}}).find("several"),
            std::string::npos);
  for (const std::string folder : {"../../etc/", "/etc/", "a/../b/"})
    EXPECT_NE(refusal({{folder + "data.pkl", pickle}, {folder + "data/0", Bytes(16)}}).find("outside"),
              std::string::npos);
  // A key that would leave a folder is a name like any other.
  std::string climbing = tensor_pickle({4}, {1});
  climbing.replace(climbing.find("U\x01"
                                 "0"),
                   3, "U\x0f../../../passwd");
  EXPECT_NE(refusal_of_bytes(torch_archive(climbing)).find("no file"), std::string::npos);
}

TEST(HostileCheckpoint, FilesOfAnArchiveMayNotOverlap) {
  Bytes archive = zip_bytes(std::vector<ZipEntry>{{"a", Bytes(64)}, {"b", Bytes(64)}}, false);
  const std::size_t directory = archive.size() - 22 - 2 * 47, second = directory + 47 + 42;
  ASSERT_EQ(archive[directory], 'P');
  std::fill_n(archive.begin() + static_cast<std::ptrdiff_t>(second), 4, std::uint8_t{0});
  EXPECT_NO_THROW(zip_records(archive, "file"));  // the same place twice alone is not yet longer than the archive
  for (const std::size_t record : {directory, directory + 47})
    for (const std::size_t field : {20, 24}) archive[record + field] = 200;
  EXPECT_THROW(zip_records(archive, "file"), Error);
}

// Every length of a small checkpoint of each format, and every byte of it damaged in two ways.
void damage(const Bytes& bytes, std::size_t least_refused) {
  ASSERT_EQ(refusal_of_bytes(bytes), "");
  std::size_t refused = 0;
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    const Bytes shorter(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(n));
    EXPECT_NE(refusal_of_bytes(shorter), "") << n << " of " << bytes.size();
    for (const int change : {0x01, 0xff}) {
      Bytes damaged = bytes;
      damaged[n] ^= static_cast<std::uint8_t>(change);
      refused += !refusal_of_bytes(damaged).empty();
    }
  }
  EXPECT_GE(refused, least_refused);
}

TEST(HostileCheckpoint, TruncatedAtAnyLengthAndDamagedAnywhere) {
  const Tensor tensor = Tensor::of({2, 2}, std::vector<float>{1, 2, 3, 4});
  damage(torch_checkpoint_bytes({{{"w", &tensor}}, {&tensor}, 0.5, 1, 2, "{}"}), 500);
  const std::string head =
      "\x80\x02\x8a\x0al\xfc\x9c"
      "F\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.\x80\x02}U\x0dlittle_endian\x88s.";
  const std::string tail =
      "\x80\x02]U\x01"
      "0a." +
      "\x04\0\0\0\0\0\0\0"s + std::string(16, 'x');
  damage(bytes_of(head + tensor_pickle({2, 2}, {2, 1}) + tail), 150);
  const std::string array =
      "\x93\x92\x02\x01\xa7"
      "float32\xc4\x08"
      "01234567";
  damage(bytes_of("\x82\xa6params\x81\xa1w\xc7"s + static_cast<char>(array.size()) + "\x01" + array + "\xa4step\x03"),
         20);
}

TEST(HostileCheckpoint, HostileMsgpackIsAnError) {
  for (const std::string& bytes :
       {"\x81\xa1w\xdd\xff\xff\xff\xff"s, "\x81\xa1w\xdf\xff\xff\xff\xff"s, "\x81\xa1w\xdb\xff\xff\xff\xff"s,
        "\x81\xa1w\xc9\xff\xff\xff\xff\x01"s, "\x81\xa1w\xc1"s, "\x81\xa1w"s + std::string(100, '\x91') + "\x01",
        "\x81\xa1w\xc7\x03\x01\x93\x90\x90"s, "\x81\xa1w\xc7\x00\x01"s, "\x81\xa1w\xd4\x01\x93"s, "\x81\x01\x01\x01"s,
        "\x81\xa1w\xc7\x1b\x01\x93\x92\xcf\xff\xff\xff\xff\xff\xff\xff\x7f\x02\xa7"
        "float32\xc4\x04"
        "0123"s})
    EXPECT_NE(refusal_of_bytes(bytes_of(bytes)), "") << shown(bytes);
}

}  // namespace
}  // namespace scoresde
