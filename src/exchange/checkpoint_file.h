#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/file.h"
#include "exchange/document.h"

namespace scoresde {

/// A checkpoint as it was read: its document, and the file's bytes that the document's arrays look into.
struct CheckpointFile {
  std::string format;  ///< the name in the table
  Document document;
  std::shared_ptr<const std::vector<std::uint8_t>> bytes;
};

/// A row of the table of checkpoint formats.
struct CheckpointFormat {
  std::string_view name, summary;
  bool (*recognise)(std::span<const std::uint8_t> bytes);
  Document (*read)(std::span<const std::uint8_t> bytes, const std::string& where);
};
std::span<const CheckpointFormat> checkpoint_formats();

/// The format that the first bytes tell. Error{data} where it is none of the table; `where` names the file.
const CheckpointFormat& format_of(std::span<const std::uint8_t> bytes, const std::string& where);

/// Reads a file as hostile input: nothing in it is run, every length, offset and stride is checked before use, and
/// memory stays within a small multiple of the file's size. Error{data} says what is wrong.
CheckpointFile read_checkpoint_file(const fs::path& path);

}  // namespace scoresde
