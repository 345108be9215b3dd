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

/// A line of an archive's directory: what a file is said to be, before anything of it is read.
struct ZipRecord {
  std::string name;
  std::uint64_t method, crc, packed, unpacked, local;
  std::uint64_t next;  ///< offset of the next record
};

/// The directory of a ZIP archive, ZIP64 included. Error{data} where it is corrupt, a file is encrypted, or files
/// overlap (so that little packs much).
std::vector<ZipRecord> zip_records(std::span<const std::uint8_t> archive, const std::string& where);

/// The bytes of a file, stored or deflated; grows as the stream proves its size. Error{data} where its header, size or
/// CRC-32 is wrong or the method is another.
std::vector<std::uint8_t> unpack_zip_record(std::span<const std::uint8_t> archive, const ZipRecord& record,
                                            const std::string& where);

/// The same as a view into the archive. Error{data} where the file is not stored.
std::span<const std::uint8_t> stored_zip_record(std::span<const std::uint8_t> archive, const ZipRecord& record,
                                                const std::string& where);

/// The files of a ZIP archive in the order of its directory: stored or deflated, ZIP64 included. Every offset, length
/// and CRC-32 is checked; encrypted archives, other methods and more than `most` unpacked bytes are Error{data}.
/// `where` names the archive in messages.
std::vector<ZipEntry> read_zip(std::span<const std::uint8_t> archive, const std::string& where,
                               std::uint64_t most = std::uint64_t{1} << 35);

/// An archive of the files: the same files give the same bytes (the time stamp is 1980-01-01, the oldest that ZIP can
/// say). Error{run} past 4 GiB, where ZIP64 would begin.
std::vector<std::uint8_t> zip_bytes(std::span<const ZipEntry> entries, bool deflate);

}  // namespace scoresde
