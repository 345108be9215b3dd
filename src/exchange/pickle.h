#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "exchange/document.h"

namespace scoresde {

/// A storage that a pickle of PyTorch names; its bytes lie elsewhere in the file.
struct PickledStorage {
  std::string key;
  Dtype dtype;
  std::uint64_t elements;
};

/// What a pickle holds. Arrays have no bytes yet: array `arrays[i].first` of the document takes them from storage
/// `arrays[i].second`. Offsets, shapes and strides fit the number of elements that the storage is said to have.
struct Unpickled {
  Document document;
  std::vector<PickledStorage> storages;
  std::vector<std::pair<Document::Id, std::size_t>> arrays;
  std::size_t end = 0;  ///< of the pickle in `bytes`
};

/// Reads one pickle (protocols 2 to 5), the machine language in which PyTorch writes checkpoints, without ever calling
/// anything: the only names it knows are OrderedDict, tensors and their storages. Memory is bounded by a small multiple
/// of the bytes read and by a million values. Error{data} names what is forbidden, unknown or inconsistent; `where`
/// names the file.
Unpickled read_pickle(std::span<const std::uint8_t> bytes, const std::string& where);

/// An integer of more than 64 bits, such as the magic number of old checkpoints, as read_pickle gives it: a Name.
std::string long_integer_name(std::span<const std::uint8_t> little_endian);

}  // namespace scoresde
