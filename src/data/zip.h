#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace scoresde {

/// A file inside a ZIP archive.
struct ZipEntry {
  std::string name;
  std::vector<std::uint8_t> bytes;
};

/// The files of a ZIP archive in the order of its directory: stored or deflated, ZIP64 included. Every offset, length
/// and CRC-32 is checked; encrypted archives, other methods and more than `most` unpacked bytes are Error{data}.
/// `where` names the archive in messages.
std::vector<ZipEntry> read_zip(std::span<const std::uint8_t> archive, const std::string& where,
                               std::uint64_t most = std::uint64_t{1} << 35);

/// An archive of the files: the same files give the same bytes (the time stamp is 1980-01-01, the oldest that ZIP can
/// say). Error{run} past 4 GiB, where ZIP64 would begin.
std::vector<std::uint8_t> zip_bytes(std::span<const ZipEntry> entries, bool deflate);

}  // namespace scoresde
