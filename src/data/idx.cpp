#include <algorithm>

#include "data/formats.h"

namespace scoresde {
namespace {

struct IdxType {
  std::uint8_t code;
  Dtype dtype;
};
constexpr IdxType kIdxTypes[] = {{0x08, Dtype::u8},  {0x09, Dtype::i8},  {0x0B, Dtype::i16},
                                 {0x0C, Dtype::i32}, {0x0D, Dtype::f32}, {0x0E, Dtype::f64}};

std::uint32_t big_endian(const std::uint8_t* bytes) {
  return std::uint32_t{bytes[0]} << 24 | std::uint32_t{bytes[1]} << 16 | std::uint32_t{bytes[2]} << 8 | bytes[3];
}

/// The labels' file of an images' file, where both follow MNIST's names and it exists; else an empty path.
fs::path idx_labels_beside(const fs::path& images) {
  std::string name = images.filename().string();
  const auto replace = [&](std::string_view from, std::string_view to) {
    const std::size_t at = name.find(from);
    if (at == std::string::npos) return false;
    name.replace(at, from.size(), to);
    return true;
  };
  if (!replace("images", "labels")) return {};
  replace("idx3", "idx1") || replace("idx4", "idx1");
  const fs::path exact = images.parent_path() / name;
  if (fs::exists(exact)) return exact;
  const bool packed = has_suffix(exact, {".gz"});
  const fs::path other = packed ? exact.parent_path() / exact.stem() : fs::path(exact.string() + ".gz");
  return fs::exists(other) ? other : fs::path();
}

}  // namespace

Tensor read_idx(const fs::path& path) {
  std::vector<std::uint8_t> bytes = read_possibly_gzipped(path, kMostDataBytes);
  const std::string where = path.string();
  if (bytes.size() < 4 || bytes[0] != 0 || bytes[1] != 0)
    fail(Failure::data, "{} is not an IDX file: it does not begin with 0, 0, a type and a rank", where);
  const auto* type = std::find_if(std::begin(kIdxTypes), std::end(kIdxTypes),
                                  [&](const IdxType& known) { return known.code == bytes[2]; });
  if (type == std::end(kIdxTypes)) fail(Failure::data, "{}: IDX knows no type {:#04x}", where, bytes[2]);
  const std::size_t rank = bytes[3], header = 4 + 4 * rank;
  if (rank < 1 || rank > 4) fail(Failure::data, "{}: an IDX array of rank {}; 1 to 4 are possible", where, rank);
  if (bytes.size() < header) fail(Failure::data, "{} is truncated inside its header", where);
  Tensor array;
  array.dtype = type->dtype;
  const std::size_t width = dtype_size(array.dtype);
  unsigned __int128 expected = width;  // four extents of 32 bits exceed 64
  for (std::size_t k = 0; k < rank; ++k) {
    array.shape.push_back(big_endian(bytes.data() + 4 + 4 * k));
    expected *= static_cast<unsigned __int128>(array.shape.back());
  }
  const std::size_t found = bytes.size() - header;
  if (expected > found)
    fail(Failure::data, "{} is truncated: its header announces more than the {} bytes of data that follow", where,
         found);
  if (expected < found)
    fail(Failure::data, "{}: {} bytes follow the {} that its header announces", where,
         found - static_cast<std::size_t>(expected), static_cast<std::size_t>(expected));
  bytes.erase(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(header));
  for (std::size_t i = 0; width > 1 && i < bytes.size(); i += width)
    std::reverse(bytes.begin() + static_cast<std::ptrdiff_t>(i),
                 bytes.begin() + static_cast<std::ptrdiff_t>(i + width));
  array.bytes = std::move(bytes);
  return array;
}

Dataset load_idx_file(const fs::path& path) {
  Dataset set = dataset_from_array(read_idx(path), path.string());
  if (const fs::path labels = idx_labels_beside(path); !labels.empty())
    set_labels(set, read_idx(labels), labels.string());
  return set;
}

Dataset load_idx_folder(const fs::path& folder, Split split) {
  std::vector<fs::path> train, test;
  for (const fs::path& file : files_of(folder)) {
    const std::string name = file.filename().string();
    if (name.find("idx") == std::string::npos || name.find("labels") != std::string::npos) continue;
    (name.find("t10k") == 0 || name.find("test") == 0 ? test : train).push_back(file);
  }
  if (train.size() > 1 || test.size() > 1) {
    const auto& many = train.size() > 1 ? train : test;
    fail(Failure::data, "{} holds several IDX files ({}, {}, ...): name the one that is meant", folder.string(),
         many[0].filename().string(), many[1].filename().string());
  }
  if (train.empty() && test.empty()) fail(Failure::data, "{} holds no IDX file of items", folder.string());
  const bool both = !train.empty() && !test.empty();
  if (!both) require_no_split(folder.string(), split);
  Dataset set = load_idx_file(test.empty() || (both && split != Split::test) ? train[0] : test[0]);
  set.has_split = both;
  return set;
}

}  // namespace scoresde
