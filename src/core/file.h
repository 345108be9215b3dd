#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace scoresde {

namespace fs = std::filesystem;

/// Error{data} where `path` is there but a folder, a FIFO or a device: those have no size, and reading may wait
/// forever.
void require_regular(const fs::path& path);

/// All bytes of a regular file. Error{data} where it cannot be read or exceeds `most` bytes.
std::vector<std::uint8_t> read_bytes(const fs::path& path, std::uint64_t most = std::uint64_t{1} << 40);
std::string read_text(const fs::path& path);

/// Replaces a file as a whole: written aside in the same folder, synced, renamed, and the folder synced. After a crash
/// at any moment the path holds the old bytes or the new ones. Error{run} where the disk refuses.
void write_atomically(const fs::path& path, std::string_view bytes);

/// The same for content that comes in pieces: `write` is given the stream of the file aside.
void write_atomically(const fs::path& path, const std::function<void(std::ostream&)>& write);

/// Waits until the renames in a folder are on disk. Error{run} where the disk refuses.
void sync_folder(const fs::path& folder);

/// CRC-32 (the polynomial of zlib and PNG), continued from `crc`.
std::uint32_t crc32(std::span<const std::uint8_t> bytes, std::uint32_t crc = 0);

/// The bytes of a .gz file unpacked, or the file as it is where it is not gzip. Error{data} where the stream is corrupt
/// or truncated, or grows past `most` bytes.
std::vector<std::uint8_t> read_possibly_gzipped(const fs::path& path, std::uint64_t most = std::uint64_t{1} << 36);

/// Error{usage} where `path` exists and `force` is false: an existing output is never overwritten silently.
void require_free(const fs::path& path, bool force);

}  // namespace scoresde
