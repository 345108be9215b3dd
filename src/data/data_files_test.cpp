#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <fstream>

#include "core/error.h"
#include "core/noise.h"
#include "core/zip.h"
#include "data/csv.h"
#include "data/dataset.h"
#include "data/image.h"
#include "data/npy.h"
#include "test_paths.h"

namespace scoresde {
namespace {

/// A folder that goes when the test ends.
class DataFiles : public testing::Test {
 protected:
  void SetUp() override {
    const auto* info = testing::UnitTest::GetInstance()->current_test_info();
    folder_ = fs::temp_directory_path() / fmt::format("scoresde-{}-{}", info->name(), ::getpid());
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  fs::path put(const std::string& name, const std::string& bytes) const {
    const fs::path path = folder_ / name;
    fs::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << bytes;
    return path;
  }

  fs::path folder_;
};

std::string text_of(const fs::path& path) { return read_text(path); }

Image test_picture(int width, int height, int channels, int seed = 1) {
  Image image{.width = width, .height = height, .channels = channels, .pixels = {}};
  for (int i = 0; i < width * height * channels; ++i)
    image.pixels.push_back(static_cast<std::uint8_t>((i * 37 + seed * 11) % 256));
  return image;
}

/// Error{data} with a message that names the file.
void expect_refused(const fs::path& path, const std::string& named, const std::string& why = "") {
  try {
    const Dataset set = load_dataset(path.string());
    ADD_FAILURE() << path << " was read as " << set.count << " items";
  } catch (const Error& error) {
    EXPECT_EQ(error.failure(), Failure::data) << error.what();
    EXPECT_NE(std::string(error.what()).find(named), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find(why), std::string::npos) << error.what();
  }
}

std::string idx(std::initializer_list<std::uint32_t> extents, const std::string& body, int type = 8) {
  std::string bytes{'\0', '\0', static_cast<char>(type), static_cast<char>(extents.size())};
  for (const std::uint32_t n : extents)
    for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(n >> shift);
  return bytes + body;
}

/// A version 1.0 .npy file with a header of the test's own.
std::string npy(const std::string& header, const std::string& body) {
  return std::string("\x93NUMPY\x01\x00", 8) + static_cast<char>(header.size() & 255) +
         static_cast<char>(header.size() >> 8) + header + body;
}

TEST_F(DataFiles, IdxOfEveryKind) {
  const auto images = put("a/train-images-idx3-ubyte", idx({2, 1, 3}, std::string("\0\x01\x02\x03\x04\xff", 6)));
  put("a/train-labels-idx1-ubyte", idx({2}, std::string("\x01\x00", 2)));
  put("a/t10k-images-idx3-ubyte", idx({1, 1, 3}, "abc"));
  const Dataset set = load_dataset((folder_ / "a").string());
  EXPECT_EQ(set.count, 2u);
  EXPECT_EQ(set.shape, (ItemShape{1, 1, 3, true}));
  EXPECT_EQ(set.labels, (std::vector<std::int32_t>{1, 0}));
  float x[3];
  set.item(1, x);
  EXPECT_FLOAT_EQ(x[2], 1.0f);
  EXPECT_FLOAT_EQ(x[0], 3 / 127.5f - 1);
  EXPECT_EQ(load_dataset((folder_ / "a#test").string()).count, 1u);
  EXPECT_EQ(load_dataset(images.string()).labels.size(), 2u);
  const auto table =
      put("b-idx2", idx({2, 1}, std::string("\x3f\x80\0\0\xc0\0\0\0", 8), 0x0D));  // 1, -2 as big-endian floats
  EXPECT_EQ(load_dataset(table.string()).values, (std::vector<float>{1, -2}));
}

TEST_F(DataFiles, HostileIdx) {
  const std::string good = idx({2, 2, 2}, "abcdefgh");
  for (std::size_t cut = 0; cut < good.size(); ++cut) expect_refused(put("x-idx3", good.substr(0, cut)), "x-idx3");
  expect_refused(put("x-idx3", good + "i"), "x-idx3", "follow");
  expect_refused(put("x-idx3", idx({0, 2, 2}, "")), "x-idx3", "no items");
  expect_refused(put("x-idx3", idx({~0u, ~0u, ~0u, ~0u}, "abc")), "x-idx3", "truncated");
  expect_refused(put("x-idx3", idx({2, 2, 2}, "abcdefgh", 7)), "x-idx3", "no type");
  expect_refused(put("x-idx3", "\x01" + good.substr(1)), "x-idx3");
  put("c/train-images-idx3-ubyte", good);
  put("c/train-labels-idx1-ubyte", idx({3}, "\x01\x01\x01"));
  expect_refused(folder_ / "c", "train-labels-idx1-ubyte", "3 labels for 2 items");
  expect_refused(folder_ / "c#test", "c", "no split");
  const std::string packed = text_of(fs::path(SCORESDE_SOURCE_DIR) / "data/digits/digits-images-idx3-ubyte.gz");
  expect_refused(put("d-idx3.gz", packed.substr(0, packed.size() / 2)), "d-idx3.gz", "truncated");
  std::string flipped = packed;
  flipped[flipped.size() / 2] ^= 0x10;
  expect_refused(put("d-idx3.gz", flipped), "d-idx3.gz");
}

TEST_F(DataFiles, Cifar) {
  std::string ten, hundred;
  for (int i = 0; i < 3; ++i) {
    ten += static_cast<char>(i) + std::string(3072, static_cast<char>(10 * i));
    hundred += std::string{static_cast<char>(19), static_cast<char>(99 - i)} + std::string(3072, 'x');
  }
  put("ten/data_batch_1.bin", ten);
  put("ten/data_batch_2.bin", ten);
  put("ten/test_batch.bin", ten.substr(0, 3073));
  put("hundred/train.bin", hundred);
  const Dataset set = load_dataset((folder_ / "ten").string());
  EXPECT_EQ(set.count, 6u);
  EXPECT_EQ(set.shape, (ItemShape{3, 32, 32, true}));
  EXPECT_EQ(set.labels, (std::vector<std::int32_t>{0, 1, 2, 0, 1, 2}));
  EXPECT_EQ(set.class_names[1], "automobile");
  EXPECT_EQ(load_dataset((folder_ / "ten#test").string()).count, 1u);
  const Dataset fine = load_dataset((folder_ / "hundred").string());
  EXPECT_EQ(fine.labels[2], 97);
  EXPECT_EQ(fine.classes(), 100);
  expect_refused(put("data_batch_3.bin", ten.substr(0, 4000)), "data_batch_3.bin", "truncated");
  expect_refused(put("data_batch_4.bin", std::string(3073, '\x7f')), "data_batch_4.bin", "label 127");
  expect_refused(put("data_batch_5.bin", ""), "data_batch_5.bin");
}

TEST_F(DataFiles, NpyAndNpzRoundTrip) {
  const std::vector<double> doubles{1.5, -2, 3, 4, 5, 1e30};
  const Tensor table = Tensor::of({3, 2}, doubles);
  const fs::path path = folder_ / "t.npy";
  write_npy(path, table);
  const Tensor back = read_npy(path);
  EXPECT_EQ(back.shape, table.shape);
  EXPECT_EQ(back.bytes, table.bytes);
  EXPECT_EQ(fs::file_size(path) % 16, 0u);
  for (const bool deflate : {false, true}) {
    const Image a = test_picture(4, 3, 3, 1), b = test_picture(4, 3, 3, 2);
    write_npz(folder_ / "s.npz", sample_arrays(std::vector<Image>{a, b}, std::vector<std::int32_t>{1, 0}), deflate);
    const std::string bytes = text_of(folder_ / "s.npz");
    write_npz(folder_ / "s.npz", sample_arrays(std::vector<Image>{a, b}, std::vector<std::int32_t>{1, 0}), deflate);
    EXPECT_EQ(text_of(folder_ / "s.npz"), bytes);
    const Dataset set = load_dataset((folder_ / "s.npz").string());
    EXPECT_EQ(set.shape, (ItemShape{3, 3, 4, true}));
    EXPECT_EQ(set.labels, (std::vector<std::int32_t>{1, 0}));
    EXPECT_EQ(dataset_image(set, 1).pixels, b.pixels);
  }
}

TEST_F(DataFiles, NpyForms) {
  const auto values = [&](const std::string& header, const std::string& body) {
    return load_dataset(put("f.npy", npy(header, body)).string()).values;
  };
  EXPECT_EQ(values("{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3), }\n", std::string("\1\4\2\5\3\6")),
            (std::vector<float>{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(values("{'descr': '>i2', 'fortran_order': False, 'shape': (2,), }\n", std::string("\1\0\0\1", 4)),
            (std::vector<float>{256, 1}));
  EXPECT_EQ(values("{'descr': '<u4', 'fortran_order': False, 'shape': (1, 1)}", std::string("\xff\xff\xff\xff")),
            (std::vector<float>{4294967295.0f}));
  const Dataset planes = load_dataset(
      put("g.npy", npy("{'descr': '|u1', 'fortran_order': False, 'shape': (1, 3, 2, 2), }", "aaaabbbbcccc")).string());
  EXPECT_EQ(planes.shape, (ItemShape{3, 2, 2, true}));
  EXPECT_EQ(planes.pixels[4], 'b');
}

TEST_F(DataFiles, HostileNpy) {
  const std::string head = "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }\n";
  const std::string good = npy(head, std::string("\0\0\x80\x3f\0\0\0\x40", 8));
  ASSERT_EQ(load_dataset(put("h.npy", good).string()).count, 1u);
  for (std::size_t cut = 0; cut < good.size(); ++cut) expect_refused(put("h.npy", good.substr(0, cut)), "h.npy");
  expect_refused(put("h.npy", good + "x"), "h.npy", "follow");
  for (const std::string shape : {"(9223372036854775807, 9223372036854775807)", "(99999999999999999999999,)", "(-1, 2)",
                                  "(1, 2", "1, 2", "(4294967296, 4294967296)", "((1), 2)", "(0, 2)", "()"})
    expect_refused(put("h.npy", npy("{'descr': '<f4', 'fortran_order': False, 'shape': " + shape + ", }", "12345678")),
                   "h.npy");
  for (const std::string descr : {"'|O'", "'<c8'", "[('a', '<f4')]", "''", "'<f16'", "'?f4'"})
    expect_refused(put("h.npy", npy("{'descr': " + descr + ", 'fortran_order': False, 'shape': (2,), }", "12345678")),
                   "h.npy");
  expect_refused(put("h.npy", npy(head, std::string("\0\0\xc0\x7f\0\0\0\x40", 8))), "h.npy", "not a finite");
  expect_refused(put("h.npy", npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 2), }", "12345678")),
                 "h.npy", "neither images");
}

TEST_F(DataFiles, HostileNpz) {
  write_npz(folder_ / "z.npz", sample_arrays(std::vector<Image>{test_picture(4, 4, 1)}), true);
  const std::string good = text_of(folder_ / "z.npz");
  for (std::size_t cut = 0; cut < good.size(); ++cut) expect_refused(put("z.npz", good.substr(0, cut)), "z.npz");
  std::uint64_t drawn = 0;
  const auto bits = [&](std::uint64_t n) { return uniform_below({.seed = 7, .sample = ++drawn}, n); };
  int refused = 0;
  for (int trial = 0; trial < 200; ++trial) {  // a flipped byte is refused, or lies where it means nothing
    std::string bad = good;
    bad[bits(bad.size())] ^= static_cast<char>(1 + bits(255));
    try {
      const Dataset set = load_dataset(put("z.npz", bad).string());
      EXPECT_EQ(set.pixels, test_picture(4, 4, 1).pixels);
    } catch (const Error& error) {
      EXPECT_EQ(error.failure(), Failure::data);
      ++refused;
    }
  }
  EXPECT_GT(refused, 80);
  const std::vector<ZipEntry> other{{"readme.txt", {'x'}}};
  const auto bytes = zip_bytes(other, false);
  expect_refused(put("z.npz", {bytes.begin(), bytes.end()}), "z.npz", "it holds nothing");
}

TEST_F(DataFiles, Csv) {
  const auto load = [&](const std::string& text) { return load_dataset(put("t.csv", text).string()); };
  const Dataset named = load("a,\"b, c\",label\r\n1,2,0\r\n3,5,1\r\n");
  EXPECT_EQ(named.shape, (ItemShape{2, 1, 1, false}));
  EXPECT_EQ(named.column_names, (std::vector<std::string>{"a", "b, c"}));
  EXPECT_EQ(named.labels, (std::vector<std::int32_t>{0, 1}));
  float x[2];
  named.item(0, x);
  EXPECT_FLOAT_EQ(x[0], -1.0f);
  EXPECT_EQ(load("1;2\n3;4").values, (std::vector<float>{1, 2, 3, 4}));
  EXPECT_EQ(load(" 1   2\n 3   4\n\n").values, (std::vector<float>{1, 2, 3, 4}));
  EXPECT_EQ(load("7\n7\n").column_std[0], 1.0f);
  for (const auto& [text, why] : std::vector<std::pair<std::string, std::string>>{{"", "no row"},
                                                                                  {"a,b\n", "no row"},
                                                                                  {"1,2\n3,x\n", "line 2, column 2"},
                                                                                  {"1,2\n3\n", "line 2 has 1"},
                                                                                  {"1,2\n\n3,4\n", "line 2 is empty"},
                                                                                  {"1,nan\n", "line 1, column 2"},
                                                                                  {"1,1e39\n", "column 2"},
                                                                                  {"1,\n", "line 1, column 2"},
                                                                                  {"a,label\n1,0.5\n", "label 0.5"},
                                                                                  {std::string("\0\0\0", 3), "no row"}})
    expect_refused(put("t.csv", text), "t.csv", why);
  Batch rows(2, 2);
  rows << 1.0f / 3, 2, -1e-20f, 4;
  const std::vector<std::string> names{"x", "y"};
  write_csv(folder_ / "w.csv", rows, names);
  EXPECT_EQ(load_dataset((folder_ / "w.csv").string()).values, (std::vector<float>{1.0f / 3, 2, -1e-20f, 4}));
}

TEST_F(DataFiles, FolderOfImages) {
  for (const char* name : {"f/cat/1.png", "f/cat/0.png", "f/dog/0.png"})
    write_png(folder_ / name, test_picture(5, 4, 1, name[6]));
  const Dataset set = load_dataset((folder_ / "f").string());
  EXPECT_EQ(set.class_names, (std::vector<std::string>{"cat", "dog"}));
  EXPECT_EQ(set.labels, (std::vector<std::int32_t>{0, 0, 1}));
  EXPECT_EQ(set.shape, (ItemShape{1, 4, 5, true}));
  EXPECT_EQ(dataset_image(set, 0).pixels, test_picture(5, 4, 1, '0').pixels);
  write_png(folder_ / "f/dog/1.png", test_picture(5, 4, 4));
  const Dataset mixed = load_dataset((folder_ / "f").string());
  EXPECT_EQ(mixed.shape.channels, 3);
  EXPECT_EQ(mixed.notes.size(), 2u);
  EXPECT_EQ(dataset_image(mixed, 0).at(2, 1, 2), test_picture(5, 4, 1, '0').at(2, 1, 0));
  write_png(folder_ / "f/dog/2.png", test_picture(4, 4, 1));
  expect_refused(folder_ / "f", "2.png", "4 wide and 4 high");
  EXPECT_EQ(load_dataset((folder_ / "f").string(), {.resize = 3}).shape, (ItemShape{3, 3, 3, true}));
  fs::remove(folder_ / "f/dog/2.png");
  put("f/dog/3.png", text_of(folder_ / "f/dog/0.png").substr(0, 40));
  expect_refused(folder_ / "f", "3.png");
  put("g/a.png", "not a picture");
  expect_refused(folder_ / "g", "a.png", "neither");
  put("h/notes.bmp", "BM");
  expect_refused(folder_ / "h", "notes.bmp");
  fs::create_directories(folder_ / "empty");
  expect_refused(folder_ / "empty", "empty", "holds no");
  expect_refused(put("strange.xyz", "abc"), "strange.xyz");
}

}  // namespace
}  // namespace scoresde
