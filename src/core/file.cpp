#include "core/file.h"

#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>

#include "core/error.h"

namespace scoresde {
namespace {

void sync_path(const fs::path& path, int flags) {
  const int descriptor = ::open(path.c_str(), flags | O_CLOEXEC);
  if (descriptor < 0) fail(Failure::run, "{}: {}", path.string(), std::strerror(errno));
  const int result = ::fsync(descriptor);
  const int reason = errno;
  ::close(descriptor);
  if (result != 0 && reason != EINVAL) fail(Failure::run, "{}: {}", path.string(), std::strerror(reason));
}

void write_and_sync(const fs::path& path, const std::function<void(std::ostream&)>& write) {
  {
    std::ofstream out(path, std::ios::binary | std::ios::trunc);
    if (!out) fail(Failure::run, "{} cannot be written: {}", path.string(), std::strerror(errno));
    write(out);
    out.flush();
    if (!out) fail(Failure::run, "{} cannot be written: {}", path.string(), std::strerror(errno));
  }
  sync_path(path, O_WRONLY);
}

fs::path folder_of(const fs::path& path) { return path.has_parent_path() ? path.parent_path() : fs::path("."); }

}  // namespace

void require_regular(const fs::path& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (fs::is_directory(status)) fail(Failure::data, "{} is a folder, not a file", path.string());
  if (fs::exists(status) && !fs::is_regular_file(status)) fail(Failure::data, "{} is no regular file", path.string());
}

std::vector<std::uint8_t> read_bytes(const fs::path& path, std::uint64_t most) {
  require_regular(path);
  std::ifstream in(path, std::ios::binary);
  if (!in) fail(Failure::data, "{}: {}", path.string(), std::strerror(errno));
  in.seekg(0, std::ios::end);
  const auto size = static_cast<std::int64_t>(in.tellg());
  if (size < 0) fail(Failure::data, "{} cannot be read", path.string());
  if (static_cast<std::uint64_t>(size) > most)
    fail(Failure::data, "{} has {} bytes; at most {} are expected", path.string(), size, most);
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(size));
  in.seekg(0);
  in.read(reinterpret_cast<char*>(bytes.data()), size);
  if (in.gcount() != size) fail(Failure::data, "{}: read {} of {} bytes", path.string(), in.gcount(), size);
  return bytes;
}

std::string read_text(const fs::path& path) {
  const auto bytes = read_bytes(path);
  return {bytes.begin(), bytes.end()};
}

void write_atomically(const fs::path& path, const std::function<void(std::ostream&)>& write) {
  const fs::path folder = folder_of(path);
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) fail(Failure::run, "the folder {} cannot be made: {}", folder.string(), error.message());
  if (fs::is_directory(path, error)) fail(Failure::run, "{} is a folder and cannot be replaced", path.string());
  fs::path aside = path;
  aside += ".tmp";  // one writer a path: a killed one leaves a file that the next one replaces
  try {
    write_and_sync(aside, write);
    fs::rename(aside, path, error);
    if (error) fail(Failure::run, "{} cannot be replaced: {}", path.string(), error.message());
  } catch (...) {
    fs::remove(aside, error);
    throw;
  }
  sync_folder(folder);
}

void write_atomically(const fs::path& path, std::string_view bytes) {
  write_atomically(path,
                   [&](std::ostream& out) { out.write(bytes.data(), static_cast<std::streamsize>(bytes.size())); });
}

void sync_folder(const fs::path& folder) { sync_path(folder, O_RDONLY | O_DIRECTORY); }

std::uint32_t crc32(std::span<const std::uint8_t> bytes, std::uint32_t crc) {
  if (bytes.empty()) return crc;  // zlib takes a null pointer as the request for its initial value
  return static_cast<std::uint32_t>(::crc32_z(crc, bytes.data(), bytes.size()));
}

std::vector<std::uint8_t> read_possibly_gzipped(const fs::path& path, std::uint64_t most) {
  std::vector<std::uint8_t> packed = read_bytes(path, most);
  if (packed.size() < 2 || packed[0] != 0x1f || packed[1] != 0x8b) return packed;
  z_stream stream{};
  if (inflateInit2(&stream, 16 + MAX_WBITS) != Z_OK) fail(Failure::run, "zlib could not start");
  const std::unique_ptr<z_stream, decltype([](z_stream* s) { inflateEnd(s); })> guard(&stream);
  std::vector<std::uint8_t> bytes;
  std::vector<std::uint8_t> piece(1 << 20);
  std::size_t fed = 0;
  int status = Z_OK;
  while (status != Z_STREAM_END) {
    if (stream.avail_in == 0 && fed < packed.size()) {
      stream.next_in = packed.data() + fed;
      stream.avail_in = static_cast<uInt>(std::min<std::size_t>(packed.size() - fed, 1u << 30));
      fed += stream.avail_in;
    }
    stream.next_out = piece.data();
    stream.avail_out = static_cast<uInt>(piece.size());
    status = inflate(&stream, Z_NO_FLUSH);
    const std::size_t got = piece.size() - stream.avail_out;
    if (status == Z_BUF_ERROR && got == 0) fail(Failure::data, "{}: the gzip stream is truncated", path.string());
    if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR)
      fail(Failure::data, "{}: the gzip stream is corrupt ({})", path.string(), stream.msg ? stream.msg : "bad data");
    if (bytes.size() + got > most) fail(Failure::data, "{} unpacks to more than {} bytes", path.string(), most);
    bytes.insert(bytes.end(), piece.begin(), piece.begin() + static_cast<std::ptrdiff_t>(got));
    if (status == Z_STREAM_END && (stream.avail_in > 0 || fed < packed.size())) {  // a further member
      if (inflateReset(&stream) != Z_OK) fail(Failure::data, "{}: the gzip stream is corrupt", path.string());
      status = Z_OK;
    }
  }
  return bytes;
}

void require_free(const fs::path& path, bool force) {
  if (!force && fs::exists(path)) fail(Failure::usage, "{} exists already; --force overwrites it", path.string());
}

}  // namespace scoresde
