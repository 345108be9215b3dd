#include <bit>

#include "core/config.h"
#include "exchange/formats.h"

namespace scoresde {
namespace {

constexpr std::size_t most_msgpack_values = 1'000'000;
constexpr int most_msgpack_depth = 32;

struct FlaxDtype {
  std::string_view name;
  Dtype dtype;
};
constexpr FlaxDtype flax_dtypes[] = {{"float32", Dtype::f32},   {"float64", Dtype::f64}, {"float16", Dtype::f16},
                                     {"bfloat16", Dtype::bf16}, {"int64", Dtype::i64},   {"int32", Dtype::i32},
                                     {"int16", Dtype::i16},     {"int8", Dtype::i8},     {"uint8", Dtype::u8},
                                     {"bool", Dtype::boolean}};

// The part of msgpack that flax.serialization uses: maps, arrays, texts, numbers, and its extensions 1 (an array as the
// msgpack list [shape, dtype's name, bytes]) and 3 (a numpy scalar in the same form).
class MsgpackReader {
 public:
  MsgpackReader(std::span<const std::uint8_t> bytes, const std::string& where, Document& document)
      : bytes_(bytes), where_(where), document_(document) {}

  Document::Id value(int depth) {
    if (depth > most_msgpack_depth) bad("is nested deeper than {}", most_msgpack_depth);
    const auto tag = static_cast<std::uint8_t>(number(1));
    if (tag < 0x80) return add(std::int64_t{tag});
    if (tag < 0x90) return table(tag & 0x0f, depth);
    if (tag < 0xa0) return list(tag & 0x0f, depth);
    if (tag < 0xc0) return add(text(tag & 0x1f));
    if (tag >= 0xe0) return add(std::int64_t{tag} - 256);
    return tagged(tag, depth);
  }

  bool done() const { return at_ == bytes_.size(); }

 private:
  template <class... Args>
  [[noreturn]] void bad(fmt::format_string<Args...> format, Args&&... args) const {
    fail(Failure::data, "{}: the msgpack {} (byte {})", where_, fmt::format(format, std::forward<Args>(args)...), at_);
  }

  std::span<const std::uint8_t> take(std::uint64_t n) {
    if (n > bytes_.size() - at_) bad("is truncated: {} bytes are announced and {} left", n, bytes_.size() - at_);
    const auto part = bytes_.subspan(at_, n);
    at_ += n;
    return part;
  }

  std::uint64_t number(std::uint64_t width) {  // big-endian
    std::uint64_t result = 0;
    for (const std::uint8_t byte : take(width)) result = result << 8 | byte;
    return result;
  }

  std::int64_t signed_number(int width) {
    const int unused = 64 - 8 * width;
    return static_cast<std::int64_t>(number(static_cast<std::uint64_t>(width)) << unused) >> unused;
  }

  std::string text(std::uint64_t n) {
    const auto part = take(n);
    return {part.begin(), part.end()};
  }

  Document::Id add(Document::Value value) {
    if (document_.size() >= most_msgpack_values) bad("holds more than {} values", most_msgpack_values);
    return document_.add(std::move(value));
  }

  Document::Id list(std::uint64_t n, int depth) {
    Document::List result;
    for (std::uint64_t k = 0; k < n; ++k) result.items.push_back(value(depth + 1));
    return add(std::move(result));
  }

  Document::Id table(std::uint64_t n, int depth) {
    Document::Table result;
    for (std::uint64_t k = 0; k < n; ++k) {
      const Document::Id key = value(depth + 1);
      result.items.emplace_back(key, value(depth + 1));
    }
    return add(std::move(result));
  }

  Document::Id tagged(std::uint8_t tag, int depth) {
    switch (tag) {
      case 0xc0:
        return add(Document::None{});
      case 0xc2:
      case 0xc3:
        return add(tag == 0xc3);
      case 0xc4:
      case 0xd9:
        return add(text(number(1)));
      case 0xc5:
      case 0xda:
        return add(text(number(2)));
      case 0xc6:
      case 0xdb:
        return add(text(number(4)));
      case 0xca:
        return add(static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(number(4)))));
      case 0xcb:
        return add(std::bit_cast<double>(number(8)));
      case 0xcc:
      case 0xcd:
      case 0xce:
        return add(static_cast<std::int64_t>(number(std::uint64_t{1} << (tag - 0xcc))));
      case 0xcf: {
        const std::uint64_t whole = number(8);
        if (whole >> 63) return add(static_cast<double>(whole));
        return add(static_cast<std::int64_t>(whole));
      }
      case 0xd0:
      case 0xd1:
      case 0xd2:
      case 0xd3:
        return add(signed_number(1 << (tag - 0xd0)));
      case 0xdc:
      case 0xdd:
        return list(number(tag == 0xdc ? 2 : 4), depth);
      case 0xde:
      case 0xdf:
        return table(number(tag == 0xde ? 2 : 4), depth);
      default:
        return extension(tag);
    }
  }

  Document::Id extension(std::uint8_t tag) {
    std::uint64_t size;
    if (tag >= 0xc7 && tag <= 0xc9)
      size = number(std::uint64_t{1} << (tag - 0xc7));
    else if (tag >= 0xd4 && tag <= 0xd8)
      size = std::uint64_t{1} << (tag - 0xd4);
    else
      bad("has the tag {:#04x}", tag);
    const std::uint64_t kind = number(1);
    const auto content = take(size);
    if (kind == 1 || kind == 3) return array(content);
    return add(Document::Name{fmt::format("extension {}", kind)});
  }

  Document::Id array(std::span<const std::uint8_t> content) {
    Document parts;
    MsgpackReader reader(content, where_, parts);
    const auto malformed = [&] { bad("has an array that is not [shape, type, bytes]"); };
    if (content.empty() || reader.number(1) != 0x93) malformed();
    const Document::Id shape_id = reader.value(1), name_id = reader.value(1);
    const auto* shape = parts.get<Document::List>(shape_id);
    const auto* name = parts.get<std::string>(name_id);
    if (!shape || !name || shape->items.size() > 8) malformed();
    ArrayView view;
    std::uint64_t elements = 1;
    for (const Document::Id id : shape->items) {
      const auto* extent = parts.get<std::int64_t>(id);
      constexpr std::uint64_t most = std::uint64_t{1} << 44;
      if (!extent || *extent < 0 || static_cast<std::uint64_t>(*extent) > most / std::max<std::uint64_t>(1, elements))
        malformed();
      elements *= static_cast<std::uint64_t>(*extent);
      view.shape.push_back(*extent);
    }
    const FlaxDtype* row = nullptr;
    for (const FlaxDtype& candidate : flax_dtypes)
      if (candidate.name == *name) row = &candidate;
    if (!row) return add(Document::Name{"array of " + *name});  // the key of JAX's random numbers is of uint32
    view.dtype = row->dtype;
    view.storage = reader.blob();
    view.strides = contiguous_strides(view.shape);
    if (view.storage.size() != elements * dtype_size(view.dtype) || !reader.done())
      bad("has an array of shape {} with {} bytes of {}", shape_text(view.shape), view.storage.size(), row->name);
    return add(std::move(view));
  }

  std::span<const std::uint8_t> blob() {
    const std::uint64_t tag = number(1);
    if (tag < 0xc4 || tag > 0xc6) bad("has an array without bytes");
    return take(number(std::uint64_t{1} << (tag - 0xc4)));
  }

  std::span<const std::uint8_t> bytes_;
  const std::string& where_;
  Document& document_;
  std::size_t at_ = 0;
};

}  // namespace

bool is_flax_msgpack(std::span<const std::uint8_t> bytes) {
  return bytes.size() >= 2 && ((bytes[0] > 0x80 && bytes[0] < 0x90) || bytes[0] == 0xde || bytes[0] == 0xdf);
}

Document read_flax_msgpack(std::span<const std::uint8_t> bytes, const std::string& where) {
  Document document;
  MsgpackReader reader(bytes, where, document);
  document.root = reader.value(0);
  if (!reader.done()) fail(Failure::data, "{}: bytes lie behind the end of the msgpack", where);
  return document;
}

}  // namespace scoresde
