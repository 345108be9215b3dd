#pragma once
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/file.h"

namespace scoresde {

/// Number formats of a safetensors file.
enum class Dtype { f64, f32, f16, bf16, i64, i32, i16, i8, u8, boolean };

std::string_view dtype_name(Dtype dtype);  // "F32"
std::size_t dtype_size(Dtype dtype);       // bytes

/// A named array in memory: row-major, little-endian bytes.
struct Tensor {
  Dtype dtype = Dtype::f32;
  std::vector<std::int64_t> shape;
  std::vector<std::uint8_t> bytes;

  std::int64_t size() const;           ///< number of elements
  std::span<const float> f32() const;  ///< Error{data} where the format is another
  std::span<const double> f64() const;
  std::span<const std::int64_t> i64() const;
  static Tensor of(std::vector<std::int64_t> shape, std::span<const float> values);
  static Tensor of(std::vector<std::int64_t> shape, std::span<const double> values);
  static Tensor of(std::vector<std::int64_t> shape, std::span<const std::int64_t> values);
};

/// The content of a safetensors file: tensors by name and text metadata.
struct Safetensors {
  std::map<std::string, Tensor> tensors;
  std::map<std::string, std::string> metadata;

  /// Error{data} naming the tensor that is missing.
  const Tensor& at(const std::string& name) const;
};

/// Writes atomically; adds the CRC-32 of the data section and of the header's content to the metadata (keys "crc32" and
/// "header_crc32"), because neither the format nor a file system would notice a flipped bit.
void write_safetensors(const fs::path& path, const Safetensors& content);

/// Reads a whole file as hostile input: every length, offset, shape and overlap is checked before use, and the
/// checksums where they are given. Error{data} says what is wrong.
Safetensors read_safetensors(const fs::path& path);

/// The metadata alone, without reading the data.
std::map<std::string, std::string> read_safetensors_metadata(const fs::path& path);

}  // namespace scoresde
