#include "core/safetensors.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <fstream>

#include "core/config.h"

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
std::string header_checksum(const Json& header) {
  nlohmann::json content = header;
  content["__metadata__"].erase("header_crc32");
  const std::string text = shown(content);
  return fmt::format("{:08x}", crc32({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}));
}

class Reader {
 public:
  explicit Reader(const fs::path& path) : path_(path) {
    require_regular(path);
    in_.open(path, std::ios::binary);
    if (!in_) bad("cannot be opened");
    size_ = fs::file_size(path);
    std::uint64_t length = 0;
    if (size_ < 8) bad("{} bytes are too few", size_);
    in_.read(reinterpret_cast<char*>(&length), 8);
    if (length > most_header || length > size_ - 8)
      bad("the header is said to have {} bytes of a file of {}", length, size_);
    std::string text(static_cast<std::size_t>(length), '\0');
    in_.read(text.data(), static_cast<std::streamsize>(length));
    if (!in_) bad("the header is truncated");
    header_ = parse_json(text);
    if (!header_.is_object()) bad("the header is not a JSON object");
    data_start_ = 8 + length;
    const auto info = metadata();
    if (const auto crc = info.find("header_crc32"); crc != info.end() && crc->second != header_checksum(header_))
      bad("the checksum of the header does not agree: the file is damaged");
  }

  std::map<std::string, std::string> metadata() const {
    std::map<std::string, std::string> result;
    if (!header_.contains("__metadata__")) return result;
    const Json& entries = header_["__metadata__"];
    if (!entries.is_object()) bad("__metadata__ is not an object");
    for (const auto& [key, value] : entries.items()) {
      if (!value.is_string()) bad("__metadata__.{} is not a text", key);
      result[key] = value.get<std::string>();
    }
    return result;
  }

  std::map<std::string, Tensor> tensors() {
    std::vector<std::uint8_t> data(static_cast<std::size_t>(size_ - data_start_));
    in_.read(reinterpret_cast<char*>(data.data()), static_cast<std::streamsize>(data.size()));
    if (!in_) bad("the data is truncated");
    const auto info = metadata();
    if (const auto crc = info.find("crc32"); crc != info.end() && crc->second != fmt::format("{:08x}", crc32(data)))
      bad("the checksum does not agree: the file is damaged");
    std::map<std::string, Tensor> result;
    std::vector<std::pair<std::uint64_t, std::uint64_t>> pieces;
    for (const auto& [name, entry] : header_.items()) {
      if (name == "__metadata__") continue;
      result[name] = tensor(name, entry, data);
      pieces.emplace_back(entry["data_offsets"][0].get<std::uint64_t>(), entry["data_offsets"][1].get<std::uint64_t>());
    }
    require_cover(std::move(pieces), data.size());
    return result;
  }

 private:
  template <class... Args>
  [[noreturn]] void bad(fmt::format_string<Args...> format, Args&&... args) const {
    fail(Failure::data, "{}: {}", path_.string(), fmt::format(format, std::forward<Args>(args)...));
  }

  // The tensors, put in order, must lie end to end: neither gaps, where anything could hide, nor overlaps.
  void require_cover(std::vector<std::pair<std::uint64_t, std::uint64_t>> pieces, std::uint64_t size) const {
    std::sort(pieces.begin(), pieces.end());
    std::uint64_t covered = 0;
    for (const auto& [first, last] : pieces) {
      if (first != covered) bad("the tensors {} at data byte {}", first > covered ? "leave a gap" : "overlap", first);
      covered = last;
    }
    if (covered != size) bad("the tensors cover {} of {} data bytes", covered, size);
  }

  Tensor tensor(const std::string& name, const Json& entry, std::span<const std::uint8_t> data) const {
    if (!entry.is_object() || !entry.contains("dtype") || !entry.contains("shape") || !entry.contains("data_offsets") ||
        !entry["dtype"].is_string() || !entry["shape"].is_array() || !entry["data_offsets"].is_array() ||
        entry["data_offsets"].size() != 2 || !entry["data_offsets"][0].is_number_unsigned() ||
        !entry["data_offsets"][1].is_number_unsigned())
      bad("the entry of tensor '{}' is malformed", name);
    const DtypeRow* row = nullptr;
    for (const DtypeRow& candidate : dtypes)
      if (candidate.name == entry["dtype"].get<std::string>()) row = &candidate;
    if (!row) bad("tensor '{}' has the unknown format {}", name, shown(entry["dtype"]));
    Tensor result{row->dtype, {}, {}};
    std::uint64_t bytes = row->size;
    for (const Json& extent : entry["shape"]) {
      if (!extent.is_number_unsigned()) bad("tensor '{}' has the extent {}", name, shown(extent));
      const auto n = extent.get<std::uint64_t>();
      constexpr std::uint64_t most = std::uint64_t{1} << 48;
      if (n > most || (n != 0 && bytes > most / n))
        bad("tensor '{}' has an absurd shape {}", name, shown(entry["shape"]));
      bytes *= n;
      result.shape.push_back(static_cast<std::int64_t>(n));
    }
    const auto first = entry["data_offsets"][0].get<std::uint64_t>(),
               last = entry["data_offsets"][1].get<std::uint64_t>();
    if (first > last || last > data.size() || last - first != bytes)
      bad("tensor '{}' of shape {} claims bytes {} to {} of {}", name, shown(entry["shape"]), first, last, data.size());
    result.bytes.assign(data.begin() + static_cast<std::ptrdiff_t>(first),
                        data.begin() + static_cast<std::ptrdiff_t>(last));
    return result;
  }

  fs::path path_;
  std::ifstream in_;
  std::uint64_t size_ = 0, data_start_ = 0;
  Json header_;
};

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

Safetensors read_safetensors(const fs::path& path) {
  Reader reader(path);
  Safetensors content;
  content.metadata = reader.metadata();
  content.tensors = reader.tensors();
  return content;
}

std::map<std::string, std::string> read_safetensors_metadata(const fs::path& path) { return Reader(path).metadata(); }

}  // namespace scoresde
