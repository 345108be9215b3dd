#pragma once
#include <bit>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace scoresde {

/// The protocol buffer wire format (varint, 32 and 64 bits, length-delimited), as much as event files need.
/// A field is its key `(number << 3) | wire type` and its content.
class ProtoWriter {
 public:
  ProtoWriter& integer(int number, std::int64_t value) {
    key(number, 0);
    varint(static_cast<std::uint64_t>(value));
    return *this;
  }
  ProtoWriter& real(int number, double value) {
    key(number, 1);
    fixed(std::bit_cast<std::uint64_t>(value), 8);
    return *this;
  }
  ProtoWriter& real32(int number, float value) {
    key(number, 5);
    fixed(std::bit_cast<std::uint32_t>(value), 4);
    return *this;
  }
  ProtoWriter& bytes(int number, std::string_view content) {
    key(number, 2);
    varint(content.size());
    out_ += content;
    return *this;
  }
  ProtoWriter& message(int number, const ProtoWriter& inner) { return bytes(number, inner.out_); }

  const std::string& str() const { return out_; }

 private:
  void key(int number, int wire_type) { varint(static_cast<std::uint64_t>(number) << 3 | wire_type); }
  void varint(std::uint64_t value) {
    for (; value >= 128; value >>= 7) out_ += static_cast<char>(value | 128);
    out_ += static_cast<char>(value);
  }
  void fixed(std::uint64_t value, int size) {
    for (int k = 0; k < size; ++k) out_ += static_cast<char>(value >> 8 * k);
  }

  std::string out_;
};

/// One field of a message: `number` and, by its wire type, `bits` (varint, fixed) or `content`.
struct ProtoField {
  int number = 0;
  std::uint64_t bits = 0;
  std::string_view content;

  double real() const { return std::bit_cast<double>(bits); }
  float real32() const { return std::bit_cast<float>(static_cast<std::uint32_t>(bits)); }
};

/// Takes the fields off the front of a message one by one; empty at the end and where the bytes make no sense.
class ProtoReader {
 public:
  explicit ProtoReader(std::string_view message) : left_(message) {}

  std::optional<ProtoField> next() {
    std::uint64_t key = 0;
    if (!varint(key)) return std::nullopt;
    ProtoField field;
    field.number = static_cast<int>(key >> 3);
    switch (key & 7) {
      case 0:
        return varint(field.bits) ? std::optional(field) : std::nullopt;
      case 1:
        return fixed(field.bits, 8) ? std::optional(field) : std::nullopt;
      case 5:
        return fixed(field.bits, 4) ? std::optional(field) : std::nullopt;
      case 2: {
        std::uint64_t size = 0;
        if (!varint(size) || size > left_.size()) return std::nullopt;
        field.content = left_.substr(0, size);
        left_.remove_prefix(size);
        return field;
      }
      default:
        return std::nullopt;
    }
  }

 private:
  bool varint(std::uint64_t& value) {
    value = 0;
    for (int shift = 0; shift < 64 && !left_.empty(); shift += 7) {
      const auto byte = static_cast<std::uint8_t>(left_.front());
      left_.remove_prefix(1);
      value |= std::uint64_t{byte & 127u} << shift;
      if (byte < 128) return true;
    }
    return false;
  }
  bool fixed(std::uint64_t& value, std::size_t size) {
    if (left_.size() < size) return false;
    value = 0;
    for (std::size_t k = 0; k < size; ++k) value |= std::uint64_t{static_cast<std::uint8_t>(left_[k])} << 8 * k;
    left_.remove_prefix(size);
    return true;
  }

  std::string_view left_;
};

}  // namespace scoresde
