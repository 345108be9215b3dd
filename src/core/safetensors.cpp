#include "core/safetensors.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <fstream>
#include <functional>
#include <optional>
#include <set>

#include "core/config.h"
#include "core/json_text.h"
#include "core/safetensors_view.h"

namespace scoresde {
namespace {

static_assert(std::endian::native == std::endian::little, "safetensors data is little-endian");

struct DtypeRow {
  Dtype dtype;
  std::string_view name;
  std::size_t size;
};
constexpr DtypeRow dtypes[] = {{Dtype::f64, "F64", 8},     {Dtype::f32, "F32", 4}, {Dtype::f16, "F16", 2},
                               {Dtype::bf16, "BF16", 2},   {Dtype::i64, "I64", 8}, {Dtype::i32, "I32", 4},
                               {Dtype::i16, "I16", 2},     {Dtype::i8, "I8", 1},   {Dtype::u8, "U8", 1},
                               {Dtype::boolean, "BOOL", 1}};
constexpr std::uint64_t most_header = 100'000'000;

template <class Number>
std::span<const Number> view_as(const Tensor& tensor, Dtype wanted) {
  if (tensor.dtype != wanted)
    fail(Failure::data, "a tensor holds {} where {} is expected", dtype_name(tensor.dtype), dtype_name(wanted));
  return {reinterpret_cast<const Number*>(tensor.bytes.data()), tensor.bytes.size() / sizeof(Number)};
}

template <class Number>
Tensor tensor_of(Dtype dtype, std::vector<std::int64_t> shape, std::span<const Number> values) {
  Tensor tensor{dtype, std::move(shape), {}};
  if (tensor.size() != static_cast<std::int64_t>(values.size()))
    fail(Failure::run, "a tensor of {} elements was given {} values", tensor.size(), values.size());
  tensor.bytes.resize(values.size_bytes());
  if (!values.empty()) std::memcpy(tensor.bytes.data(), values.data(), values.size_bytes());
  return tensor;
}

// Of everything the header says but itself, in an order of its own.
std::string header_checksum(nlohmann::json content) {
  content["__metadata__"].erase("header_crc32");
  const std::string text = content.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  return fmt::format("{:08x}", crc32({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}));
}

// nlohmann's ordered objects are searched from the first key on: a header of a million keys would take hours.
using HeaderJson = nlohmann::json;

class HeaderReader {
 public:
  /// `read(n)` gives the next n bytes of the file of `size` bytes.
  HeaderReader(std::string where, std::uint64_t size, const std::function<std::string(std::size_t)>& read)
      : where_(std::move(where)) {
    if (size < 8) bad("{} bytes are too few", size);
    std::uint64_t length = 0;
    std::memcpy(&length, read(8).data(), 8);
    if (length > most_header || length > size - 8)
      bad("the header is said to have {} bytes of a file of {}", length, size);
    const std::string text = read(static_cast<std::size_t>(length));
    if (!nested_deeper(text, 32)) parse(text);
    if (!header_.is_object()) bad("the header is not a JSON object");
    data_start_ = 8 + length;
    data_size_ = size - data_start_;
    read_metadata();
    if (const auto crc = metadata_.find("header_crc32");
        crc != metadata_.end() && crc->second != header_checksum(header_))
      bad("the checksum of the header does not agree: the file is damaged");
  }

  const std::map<std::string, std::string>& metadata() const { return metadata_; }

  /// Where a tensor lies: bytes [first, last) of the data, which starts at data_start() of the file.
  struct Entry {
    std::string name;
    Dtype dtype;
    std::vector<std::int64_t> shape;
    std::uint64_t first, last;
  };

  std::uint64_t data_start() const { return data_start_; }

  /// In the order of the data, which they cover without gaps (where anything could hide) and overlaps.
  std::vector<Entry> entries() const {
    std::vector<Entry> result;
    for (const auto& [name, entry] : header_.items())
      if (name != "__metadata__") result.push_back(entry_of(name, entry));
    std::sort(result.begin(), result.end(),
              [](const Entry& a, const Entry& b) { return std::pair(a.first, a.last) < std::pair(b.first, b.last); });
    std::uint64_t covered = 0;
    for (const Entry& entry : result) {
      if (entry.first != covered)
        bad("the tensors {} at data byte {}", entry.first > covered ? "leave a gap" : "overlap", entry.first);
      covered = entry.last;
    }
    if (covered != data_size_) bad("the tensors cover {} of {} data bytes", covered, data_size_);
    return result;
  }

  void check_data(std::uint32_t crc) const {
    const auto given = metadata_.find("crc32");
    if (given != metadata_.end() && given->second != fmt::format("{:08x}", crc))
      bad("the checksum does not agree: the file is damaged");
  }

 private:
  template <class... Args>
  [[noreturn]] void bad(fmt::format_string<Args...> format, Args&&... args) const {
    fail(Failure::data, "{}: {}", where_, fmt::format(format, std::forward<Args>(args)...));
  }

  // The library keeps the last of several entries of one name; another program may read the first.
  void parse(const std::string& text) {
    std::vector<std::set<std::string>> keys;
    std::optional<std::string> repeated;
    const auto watch = [&](int, HeaderJson::parse_event_t event, HeaderJson& value) {
      if (event == HeaderJson::parse_event_t::object_start) keys.emplace_back();
      if (event == HeaderJson::parse_event_t::object_end) keys.pop_back();
      if (event == HeaderJson::parse_event_t::key && !keys.back().insert(value.get<std::string>()).second)
        repeated = value.get<std::string>();
      return true;
    };
    header_ = HeaderJson::parse(text, watch, false);
    if (repeated) bad("the header names {} twice", shown(HeaderJson(*repeated)));
  }

  void read_metadata() {
    const auto entries = header_.find("__metadata__");
    if (entries == header_.end()) return;
    if (!entries->is_object()) bad("__metadata__ is not an object");
    for (const auto& [key, value] : entries->items()) {
      if (!value.is_string()) bad("__metadata__.{} is not a text", key);
      metadata_[key] = value.get<std::string>();
    }
  }

  Entry entry_of(const std::string& name, const HeaderJson& entry) const {
    if (!entry.is_object() || !entry.contains("dtype") || !entry.contains("shape") || !entry.contains("data_offsets") ||
        !entry["dtype"].is_string() || !entry["shape"].is_array() || !entry["data_offsets"].is_array() ||
        entry["data_offsets"].size() != 2 || !entry["data_offsets"][0].is_number_unsigned() ||
        !entry["data_offsets"][1].is_number_unsigned())
      bad("the entry of tensor '{}' is malformed", name);
    const DtypeRow* row = nullptr;
    for (const DtypeRow& candidate : dtypes)
      if (candidate.name == entry["dtype"].get<std::string>()) row = &candidate;
    if (!row) bad("tensor '{}' has the unknown format {}", name, shown(entry["dtype"]));
    Entry result{name, row->dtype, {}, 0, 0};
    std::uint64_t bytes = row->size;
    for (const HeaderJson& extent : entry["shape"]) {
      if (!extent.is_number_unsigned()) bad("tensor '{}' has the extent {}", name, shown(extent));
      const auto n = extent.get<std::uint64_t>();
      constexpr std::uint64_t most = std::uint64_t{1} << 48;
      if (n > most || (n != 0 && bytes > most / n))
        bad("tensor '{}' has an absurd shape {}", name, shown(entry["shape"]));
      bytes *= n;
      result.shape.push_back(static_cast<std::int64_t>(n));
    }
    result.first = entry["data_offsets"][0].get<std::uint64_t>();
    result.last = entry["data_offsets"][1].get<std::uint64_t>();
    if (result.first > result.last || result.last > data_size_ || result.last - result.first != bytes)
      bad("tensor '{}' of shape {} claims bytes {} to {} of {}", name, shown(entry["shape"]), result.first, result.last,
          data_size_);
    return result;
  }

  std::string where_;
  std::uint64_t data_start_ = 0, data_size_ = 0;
  HeaderJson header_;
  std::map<std::string, std::string> metadata_;
};

std::string read_exactly(std::istream& in, std::size_t n, const fs::path& path) {
  std::string text(n, '\0');
  in.read(text.data(), static_cast<std::streamsize>(n));
  if (!in) fail(Failure::data, "{}: the header is truncated", path.string());
  return text;
}

std::ifstream opened(const fs::path& path) {
  require_regular(path);
  std::ifstream in(path, std::ios::binary);
  if (!in) fail(Failure::data, "{}: cannot be opened", path.string());
  return in;
}

HeaderReader header_of(std::istream& in, const fs::path& path) {
  return {path.string(), fs::file_size(path), [&](std::size_t n) { return read_exactly(in, n, path); }};
}

}  // namespace

std::string_view dtype_name(Dtype dtype) { return dtypes[static_cast<std::size_t>(dtype)].name; }
std::size_t dtype_size(Dtype dtype) { return dtypes[static_cast<std::size_t>(dtype)].size; }

std::int64_t Tensor::size() const {
  std::int64_t n = 1;
  for (std::int64_t extent : shape) n *= extent;
  return n;
}

std::span<const float> Tensor::f32() const { return view_as<float>(*this, Dtype::f32); }
std::span<const double> Tensor::f64() const { return view_as<double>(*this, Dtype::f64); }
std::span<const std::int64_t> Tensor::i64() const { return view_as<std::int64_t>(*this, Dtype::i64); }
Tensor Tensor::of(std::vector<std::int64_t> shape, std::span<const float> values) {
  return tensor_of(Dtype::f32, std::move(shape), values);
}
Tensor Tensor::of(std::vector<std::int64_t> shape, std::span<const double> values) {
  return tensor_of(Dtype::f64, std::move(shape), values);
}
Tensor Tensor::of(std::vector<std::int64_t> shape, std::span<const std::int64_t> values) {
  return tensor_of(Dtype::i64, std::move(shape), values);
}

const Tensor& Safetensors::at(const std::string& name) const {
  const auto found = tensors.find(name);
  if (found == tensors.end()) fail(Failure::data, "the file has no tensor '{}'", name);
  return found->second;
}

void write_safetensors(const fs::path& path, const Safetensors& content) {
  if (content.tensors.contains("__metadata__")) fail(Failure::usage, "a tensor cannot be named __metadata__");
  Json header = Json::object();
  header["__metadata__"] = content.metadata;
  std::uint64_t offset = 0;
  std::uint32_t crc = 0;
  for (const auto& [name, tensor] : content.tensors) {
    header[name] = {{"dtype", dtype_name(tensor.dtype)},
                    {"shape", tensor.shape},
                    {"data_offsets", {offset, offset + tensor.bytes.size()}}};
    offset += tensor.bytes.size();
    crc = crc32(tensor.bytes, crc);
  }
  header["__metadata__"]["crc32"] = fmt::format("{:08x}", crc);
  header["__metadata__"]["header_crc32"] = header_checksum(header);
  std::string text = shown(header);
  text.resize((text.size() + 7) / 8 * 8, ' ');
  const std::uint64_t length = text.size();
  write_atomically(path, [&](std::ostream& out) {
    out.write(reinterpret_cast<const char*>(&length), 8);
    out << text;
    for (const auto& [name, tensor] : content.tensors)
      out.write(reinterpret_cast<const char*>(tensor.bytes.data()), static_cast<std::streamsize>(tensor.bytes.size()));
  });
}

SafetensorsView view_safetensors(std::span<const std::uint8_t> file, const std::string& where) {
  std::size_t at = 0;
  const HeaderReader header(where, file.size(), [&](std::size_t n) {
    const auto part = file.subspan(at, n);
    at += n;
    return std::string(part.begin(), part.end());
  });
  const auto data = file.subspan(static_cast<std::size_t>(header.data_start()));
  header.check_data(crc32(data));
  SafetensorsView view{{}, header.metadata()};
  for (const auto& entry : header.entries())
    view.tensors[entry.name] = {
        entry.dtype, entry.shape,
        data.subspan(static_cast<std::size_t>(entry.first), static_cast<std::size_t>(entry.last - entry.first))};
  return view;
}

// Tensor by tensor: beside the tensors, the file as a whole would double the memory of a start.
Safetensors read_safetensors(const fs::path& path) {
  std::ifstream in = opened(path);
  const HeaderReader header = header_of(in, path);
  Safetensors content{{}, header.metadata()};
  std::uint32_t crc = 0;
  for (const auto& entry : header.entries()) {
    Tensor& tensor = content.tensors[entry.name];
    tensor = {entry.dtype, entry.shape, std::vector<std::uint8_t>(static_cast<std::size_t>(entry.last - entry.first))};
    in.read(reinterpret_cast<char*>(tensor.bytes.data()), static_cast<std::streamsize>(tensor.bytes.size()));
    if (!in) fail(Failure::data, "{}: ends in the middle of tensor '{}'", path.string(), entry.name);
    crc = crc32(tensor.bytes, crc);
  }
  header.check_data(crc);
  return content;
}

std::map<std::string, std::string> read_safetensors_metadata(const fs::path& path) {
  std::ifstream in = opened(path);
  return header_of(in, path).metadata();
}

}  // namespace scoresde
