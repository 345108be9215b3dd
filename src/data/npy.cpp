#include "data/npy.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "core/error.h"
#include "core/text.h"
#include "core/zip.h"
#include "data/formats.h"

namespace scoresde {
namespace {

struct NpyType {
  std::string_view code;  // kind and size as in "<f4"
  std::size_t size;
  std::optional<Dtype> dtype;  // none: an unsigned type that becomes int64
};
constexpr NpyType kNpyTypes[] = {{"f8", 8, Dtype::f64}, {"f4", 4, Dtype::f32}, {"f2", 2, Dtype::f16},
                                 {"i8", 8, Dtype::i64}, {"i4", 4, Dtype::i32}, {"i2", 2, Dtype::i16},
                                 {"i1", 1, Dtype::i8},  {"u1", 1, Dtype::u8},  {"u2", 2, {}},
                                 {"u4", 4, {}},         {"u8", 8, {}},         {"b1", 1, Dtype::boolean}};

struct NpyHeader {
  std::string descr;
  bool fortran = false;
  std::vector<std::int64_t> shape;
};

/// Reads the one form of Python literal that NumPy writes:
/// {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }
class NpyHeaderParser {
 public:
  NpyHeaderParser(std::string_view text, const std::string& where) : text_(text), where_(where) {}

  NpyHeader parse() {
    NpyHeader header;
    int seen = 0;
    expect('{');
    while (!accept('}')) {
      const std::string key = quoted();
      expect(':');
      if (key == "descr")
        header.descr = quoted();
      else if (key == "fortran_order")
        header.fortran = truth();
      else if (key == "shape")
        header.shape = tuple();
      else
        bad();
      ++seen;
      accept(',');
    }
    if (seen != 3 || header.descr.empty()) bad();
    return header;
  }

 private:
  [[noreturn]] void bad() const {
    fail(Failure::data, "{}: the .npy header is not one of a plain array: {}", where_, text_.substr(0, 200));
  }
  void skip_blanks() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n')) ++at_;
  }
  bool accept(char c) {
    skip_blanks();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!accept(c)) bad();
  }
  std::string quoted() {
    expect('\'');
    const std::size_t end = text_.find('\'', at_);
    if (end == std::string_view::npos) bad();
    const std::string word(text_.substr(at_, end - at_));
    at_ = end + 1;
    return word;
  }
  bool truth() {
    skip_blanks();
    for (const std::string_view word : {"True", "False"})
      if (text_.substr(at_).starts_with(word)) {
        at_ += word.size();
        return word == "True";
      }
    bad();
  }
  std::vector<std::int64_t> tuple() {
    std::vector<std::int64_t> shape;
    expect('(');
    while (!accept(')')) {
      skip_blanks();
      const std::size_t end = text_.find_first_not_of("0123456789", at_);
      long long extent = 0;
      if (end == std::string_view::npos || !parse_number(text_.substr(at_, end - at_), extent)) bad();
      at_ = end;
      shape.push_back(extent);
      accept(',');
    }
    if (shape.size() > 8) bad();
    return shape;
  }

  std::string_view text_;
  const std::string& where_;
  std::size_t at_ = 0;
};

void swap_bytes(std::vector<std::uint8_t>& bytes, std::size_t width) {
  for (auto at = bytes.begin(); at != bytes.end(); at += static_cast<std::ptrdiff_t>(width))
    std::reverse(at, at + static_cast<std::ptrdiff_t>(width));
}

/// Column-major values put into row-major order.
std::vector<std::uint8_t> from_fortran(const std::vector<std::uint8_t>& bytes, const std::vector<std::int64_t>& shape,
                                       std::size_t width) {
  std::vector<std::uint8_t> out(bytes.size());
  std::vector<std::int64_t> index(shape.size(), 0);
  for (std::size_t at = 0; at < bytes.size(); at += width) {  // `at` walks the row-major result
    std::int64_t from = 0;
    for (std::size_t k = shape.size(); k-- > 0;) from = from * shape[k] + index[k];
    std::memcpy(out.data() + at, bytes.data() + static_cast<std::size_t>(from) * width, width);
    for (std::size_t k = shape.size(); k-- > 0 && ++index[k] == shape[k];) index[k] = 0;
  }
  return out;
}

std::vector<std::uint8_t> widened(const std::vector<std::uint8_t>& bytes, std::size_t width, const std::string& where) {
  std::vector<std::uint8_t> out(bytes.size() / width * 8, 0);
  for (std::size_t i = 0; i < bytes.size() / width; ++i) {
    std::memcpy(out.data() + 8 * i, bytes.data() + width * i, width);
    if (out[8 * i + 7] & 0x80) fail(Failure::data, "{}: value {} is above 2^63 - 1", where, i);
  }
  return out;
}

std::string_view npy_code(Dtype dtype) {
  for (const NpyType& type : kNpyTypes)
    if (type.dtype == dtype) return type.code;
  fail(Failure::run, "arrays of {} have no .npy form", dtype_name(dtype));
}

std::vector<std::uint8_t> npy_bytes(const Tensor& array) {
  const std::string_view code = npy_code(array.dtype);
  std::string shape;
  for (const std::int64_t extent : array.shape) shape += std::to_string(extent) + ", ";
  if (array.shape.size() > 1)
    shape.resize(shape.size() - 2);
  else if (!shape.empty())
    shape.pop_back();
  std::string header = fmt::format("{{'descr': '{}{}', 'fortran_order': False, 'shape': ({}), }}",
                                   dtype_size(array.dtype) > 1 ? '<' : '|', code, shape);
  header.append(64 - (10 + header.size() + 1) % 64, ' ') += '\n';
  std::vector<std::uint8_t> out = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0};
  out.push_back(static_cast<std::uint8_t>(header.size() & 0xff));
  out.push_back(static_cast<std::uint8_t>(header.size() >> 8));
  out.insert(out.end(), header.begin(), header.end());
  out.insert(out.end(), array.bytes.begin(), array.bytes.end());
  return out;
}

void write_whole(const fs::path& path, std::span<const std::uint8_t> bytes) {
  write_atomically(path, std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
}

}  // namespace

Tensor parse_npy(std::span<const std::uint8_t> bytes, const std::string& where) {
  constexpr std::string_view kMagic = "\x93NUMPY";
  if (bytes.size() < 12 || !std::equal(kMagic.begin(), kMagic.end(), bytes.begin(),
                                       [](char a, std::uint8_t b) { return static_cast<std::uint8_t>(a) == b; }))
    fail(Failure::data, "{} is not a .npy file", where);
  if (bytes[6] < 1 || bytes[6] > 3) fail(Failure::data, "{}: .npy version {}; 1 to 3 are known", where, bytes[6]);
  std::size_t start = bytes[6] == 1 ? 10 : 12, length = bytes[8] | bytes[9] << 8;
  if (bytes[6] > 1) length |= std::size_t{bytes[10]} << 16 | std::size_t{bytes[11]} << 24;
  if (length > bytes.size() - start) fail(Failure::data, "{} is truncated inside its header", where);
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()) + start, length);
  NpyHeader header = NpyHeaderParser(text, where).parse();
  const std::string_view code = std::string_view(header.descr).substr(1);
  const auto* type = std::find_if(std::begin(kNpyTypes), std::end(kNpyTypes),
                                  [&](const NpyType& known) { return known.code == code; });
  if (type == std::end(kNpyTypes) || !std::strchr("<>=|", header.descr[0]))
    fail(Failure::data, "{}: arrays of type '{}' are not read; booleans, integers and floats are", where, header.descr);
  const auto body = bytes.subspan(start + length);
  std::uint64_t expected = type->size;
  for (const std::int64_t extent : header.shape)
    if (__builtin_mul_overflow(expected, static_cast<std::uint64_t>(extent), &expected))
      fail(Failure::data, "{}: its header announces more values than there are bytes in any file", where);
  if (expected != body.size())
    fail(Failure::data, "{}: its header announces {} bytes of data, {} follow", where, expected, body.size());
  Tensor array;
  array.bytes.assign(body.begin(), body.end());
  if (header.descr[0] == '>') swap_bytes(array.bytes, type->size);
  if (header.fortran && header.shape.size() > 1) array.bytes = from_fortran(array.bytes, header.shape, type->size);
  if (!type->dtype) array.bytes = widened(array.bytes, type->size, where);
  array.dtype = type->dtype.value_or(Dtype::i64);
  array.shape = std::move(header.shape);
  return array;
}

Tensor read_npy(const fs::path& path) { return parse_npy(read_bytes(path, kMostDataBytes), path.string()); }

NamedArrays read_npz(const fs::path& path) {
  NamedArrays arrays;
  for (ZipEntry& entry : read_zip(read_bytes(path, kMostDataBytes), path.string(), kMostDataBytes)) {
    if (!entry.name.ends_with(".npy")) continue;
    Tensor array = parse_npy(entry.bytes, path.string() + ": " + entry.name);
    arrays.emplace_back(entry.name.substr(0, entry.name.size() - 4), std::move(array));
  }
  return arrays;
}

void write_npy(const fs::path& path, const Tensor& array) { write_whole(path, npy_bytes(array)); }

void write_npz(const fs::path& path, const NamedArrays& arrays, bool deflate) {
  std::vector<ZipEntry> entries;
  for (const auto& [name, array] : arrays) entries.push_back({name + ".npy", npy_bytes(array)});
  write_whole(path, zip_bytes(entries, deflate));
}

Tensor to_tensor(const Batch& batch) {
  std::vector<float> values(static_cast<std::size_t>(batch.size()));
  std::transform(batch.data(), batch.data() + batch.size(), values.begin(),
                 [](double value) { return static_cast<float>(value); });
  return Tensor::of({batch.rows(), batch.cols()}, values);
}

Batch to_batch(const Tensor& array, const std::string& where) {
  if (array.shape.empty() || array.shape.size() > 2)
    fail(Failure::data, "{}: an array of rank {}; (N) or (N, D) is expected", where, array.shape.size());
  Batch batch(array.shape[0], array.shape.size() == 2 ? array.shape[1] : 1);
  for (Index i = 0; i < batch.size(); ++i) batch.data()[i] = number_at(array, static_cast<std::size_t>(i), where);
  return batch;
}

NamedArrays sample_arrays(std::span<const Image> images, std::span<const std::int32_t> labels) {
  if (images.empty()) fail(Failure::run, "there are no images to write");
  const Image& first = images.front();
  Tensor pixels;
  pixels.dtype = Dtype::u8;
  pixels.shape = {static_cast<std::int64_t>(images.size()), first.height, first.width, first.channels};
  for (const Image& image : images) {
    if (image.width != first.width || image.height != first.height || image.channels != first.channels)
      fail(Failure::run, "images of several sizes cannot be one array");
    pixels.bytes.insert(pixels.bytes.end(), image.pixels.begin(), image.pixels.end());
  }
  NamedArrays arrays{{"arr_0", std::move(pixels)}};
  if (!labels.empty()) {
    const std::vector<std::int64_t> wide(labels.begin(), labels.end());
    arrays.emplace_back("arr_1", Tensor::of({static_cast<std::int64_t>(wide.size())}, wide));
  }
  return arrays;
}

}  // namespace scoresde
