#include "core/zip.h"

#include <zlib.h>

#include <limits>
#include <memory>
#include <optional>

#include "core/error.h"
#include "core/file.h"

namespace scoresde {
namespace {

constexpr std::uint32_t kLocalMagic = 0x04034b50, kCentralMagic = 0x02014b50, kEndMagic = 0x06054b50,
                        kEnd64Magic = 0x06064b50, kLocator64Magic = 0x07064b50;
constexpr std::uint32_t kIn64 = 0xffffffff;  // the number stands in a ZIP64 field instead

/// Little-endian numbers at checked offsets of an archive.
class ZipBytes {
 public:
  ZipBytes(std::span<const std::uint8_t> bytes, const std::string& where) : bytes_(bytes), where_(where) {}

  std::span<const std::uint8_t> part(std::uint64_t offset, std::uint64_t size) const {
    if (offset > bytes_.size() || size > bytes_.size() - offset)
      fail(Failure::data, "{} is a truncated or corrupt ZIP archive: bytes {} to {} of {} are asked for", where_,
           offset, offset + size, bytes_.size());
    return bytes_.subspan(offset, size);
  }

  std::uint64_t number(std::uint64_t offset, int width) const {
    const auto bytes = part(offset, static_cast<std::uint64_t>(width));
    std::uint64_t value = 0;
    for (int k = width; k-- > 0;) value = value << 8 | bytes[static_cast<std::size_t>(k)];
    return value;
  }

  std::uint64_t size() const { return bytes_.size(); }
  const std::string& where() const { return where_; }

 private:
  std::span<const std::uint8_t> bytes_;
  const std::string& where_;
};

struct ZipDirectory {
  std::uint64_t offset, entries;
};

ZipDirectory find_zip_directory(const ZipBytes& zip) {
  constexpr std::uint64_t kEndSize = 22, kLongestComment = 65535;
  if (zip.size() >= kEndSize) {
    const std::uint64_t last = zip.size() - kEndSize;
    const std::uint64_t first = last > kLongestComment ? last - kLongestComment : 0;
    for (std::uint64_t end = last + 1; end-- > first;) {
      if (zip.number(end, 4) != kEndMagic) continue;
      ZipDirectory directory{zip.number(end + 16, 4), zip.number(end + 10, 2)};
      if ((directory.offset == kIn64 || directory.entries == 0xffff) && end >= 20 &&
          zip.number(end - 20, 4) == kLocator64Magic) {
        const std::uint64_t end64 = zip.number(end - 12, 8);
        if (zip.number(end64, 4) != kEnd64Magic) fail(Failure::data, "{}: the ZIP64 directory is corrupt", zip.where());
        directory = {zip.number(end64 + 48, 8), zip.number(end64 + 32, 8)};
      }
      return directory;
    }
  }
  fail(Failure::data, "{} is not a ZIP archive, or its end is missing", zip.where());
}

/// Takes the 64-bit numbers, in their order, for those of the record that say kIn64.
void apply_zip64(const ZipBytes& zip, std::uint64_t extra, std::uint64_t size, ZipRecord& record) {
  for (std::uint64_t at = extra; at + 4 <= extra + size; at += 4 + zip.number(at + 2, 2)) {
    if (zip.number(at, 2) != 1) continue;
    std::uint64_t field = at + 4;
    for (std::uint64_t* value : {&record.unpacked, &record.packed, &record.local})
      if (*value == kIn64) {
        *value = zip.number(field, 8);
        field += 8;
      }
    return;
  }
}

ZipRecord read_zip_record(const ZipBytes& zip, std::uint64_t at) {
  if (zip.number(at, 4) != kCentralMagic) fail(Failure::data, "{}: the ZIP directory is corrupt", zip.where());
  const std::uint64_t name_size = zip.number(at + 28, 2), extra_size = zip.number(at + 30, 2);
  const auto name = zip.part(at + 46, name_size);
  ZipRecord record{.name = {name.begin(), name.end()},
                   .method = zip.number(at + 10, 2),
                   .crc = zip.number(at + 16, 4),
                   .packed = zip.number(at + 20, 4),
                   .unpacked = zip.number(at + 24, 4),
                   .local = zip.number(at + 42, 4),
                   .next = at + 46 + name_size + extra_size + zip.number(at + 32, 2)};
  if (zip.number(at + 8, 2) & 1) fail(Failure::data, "{}: {} is encrypted", zip.where(), record.name);
  apply_zip64(zip, at + 46 + name_size, extra_size, record);
  return record;
}

std::optional<std::vector<std::uint8_t>> inflate_raw(std::span<const std::uint8_t> packed, std::uint64_t unpacked) {
  z_stream stream{};
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) fail(Failure::run, "zlib could not start");
  const std::unique_ptr<z_stream, decltype([](z_stream* s) { inflateEnd(s); })> guard(&stream);
  std::vector<std::uint8_t> out;  // grows as the stream proves its size: the announced one may be a lie
  std::size_t fed = 0;
  int status = Z_OK;
  while (status == Z_OK) {
    if (stream.avail_in == 0 && fed < packed.size()) {
      stream.next_in = const_cast<Bytef*>(packed.data() + fed);
      stream.avail_in = static_cast<uInt>(std::min<std::size_t>(packed.size() - fed, 1u << 30));
      fed += stream.avail_in;
    }
    const std::size_t had = out.size();
    const std::size_t room = std::max<std::size_t>(1, std::min<std::uint64_t>(unpacked - had, 1u << 22));
    out.resize(had + room);
    stream.next_out = out.data() + had;
    stream.avail_out = static_cast<uInt>(room);
    status = inflate(&stream, Z_NO_FLUSH);
    out.resize(had + room - stream.avail_out);
    if (out.size() > unpacked || (status == Z_OK && out.size() == had)) return std::nullopt;
  }
  if (status != Z_STREAM_END || out.size() != unpacked) return std::nullopt;
  return out;
}

std::span<const std::uint8_t> packed_bytes(const ZipBytes& zip, const ZipRecord& record) {
  if (zip.number(record.local, 4) != kLocalMagic)
    fail(Failure::data, "{}: {} does not begin where the ZIP directory says", zip.where(), record.name);
  const std::uint64_t start = record.local + 30 + zip.number(record.local + 26, 2) + zip.number(record.local + 28, 2);
  return zip.part(start, record.packed);
}

[[noreturn]] void corrupt_record(const ZipRecord& record, const std::string& where) {
  fail(Failure::data, "{}: {} is corrupt (its size or CRC-32 is wrong)", where, record.name);
}

void put_little_endian(std::vector<std::uint8_t>& out, std::initializer_list<std::pair<std::uint64_t, int>> fields) {
  for (const auto& [value, width] : fields)
    for (int k = 0; k < width; ++k) out.push_back(static_cast<std::uint8_t>(value >> (8 * k)));
}

std::vector<std::uint8_t> deflate_raw(std::span<const std::uint8_t> bytes) {
  z_stream stream{};
  if (deflateInit2(&stream, 6, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK)
    fail(Failure::run, "zlib could not start");
  const std::unique_ptr<z_stream, decltype([](z_stream* s) { deflateEnd(s); })> guard(&stream);
  std::vector<std::uint8_t> out(deflateBound(&stream, bytes.size()));
  stream.next_in = const_cast<Bytef*>(bytes.data());
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = out.data();
  stream.avail_out = static_cast<uInt>(out.size());
  if (deflate(&stream, Z_FINISH) != Z_STREAM_END) fail(Failure::run, "zlib could not pack {} bytes", bytes.size());
  out.resize(out.size() - stream.avail_out);
  return out;
}

}  // namespace

std::vector<ZipRecord> zip_records(std::span<const std::uint8_t> archive, const std::string& where) {
  const ZipBytes zip(archive, where);
  const ZipDirectory directory = find_zip_directory(zip);
  std::vector<ZipRecord> records;
  std::uint64_t at = directory.offset, left = archive.size();
  for (std::uint64_t k = 0; k < directory.entries; ++k) {
    records.push_back(read_zip_record(zip, at));
    if (records.back().packed > left)
      fail(Failure::data, "{}: the files of the archive are together longer than the archive, so they overlap", where);
    left -= records.back().packed;
    at = records.back().next;
  }
  return records;
}

std::span<const std::uint8_t> stored_zip_record(std::span<const std::uint8_t> archive, const ZipRecord& record,
                                                const std::string& where) {
  if (record.method != 0)
    fail(Failure::data, "{}: {} is packed by method {} where it has to be stored", where, record.name, record.method);
  const auto bytes = packed_bytes(ZipBytes(archive, where), record);
  if (record.packed != record.unpacked || crc32(bytes) != record.crc) corrupt_record(record, where);
  return bytes;
}

std::vector<std::uint8_t> unpack_zip_record(std::span<const std::uint8_t> archive, const ZipRecord& record,
                                            const std::string& where) {
  if (record.method == 0) {
    const auto bytes = stored_zip_record(archive, record, where);
    return {bytes.begin(), bytes.end()};
  }
  const auto packed = packed_bytes(ZipBytes(archive, where), record);
  if (record.method != 8)
    fail(Failure::data, "{}: {} is packed by method {}; stored and deflated files are read", where, record.name,
         record.method);
  std::optional<std::vector<std::uint8_t>> bytes = inflate_raw(packed, record.unpacked);
  if (!bytes || crc32(*bytes) != record.crc) corrupt_record(record, where);
  return std::move(*bytes);
}

std::vector<ZipEntry> read_zip(std::span<const std::uint8_t> archive, const std::string& where, std::uint64_t most) {
  std::vector<ZipEntry> entries;
  std::uint64_t total = 0;
  for (const ZipRecord& record : zip_records(archive, where)) {
    if (record.unpacked > most || (total += record.unpacked) > most)
      fail(Failure::data, "{} unpacks to more than {} bytes", where, most);
    entries.push_back({record.name, unpack_zip_record(archive, record, where)});
  }
  return entries;
}

std::vector<std::uint8_t> zip_bytes(std::span<const ZipEntry> entries, bool deflate) {
  constexpr std::uint64_t kStamp = 0x00210000;  // 1980-01-01 00:00:00
  std::vector<std::uint8_t> out, directory;
  for (const ZipEntry& entry : entries) {
    if (entry.bytes.size() >= (std::uint64_t{1} << 32) - (1 << 20))
      fail(Failure::run, "{}: {} bytes are too many for a ZIP archive; write .npy", entry.name, entry.bytes.size());
    const auto packed = deflate ? deflate_raw(entry.bytes) : std::vector<std::uint8_t>();
    const std::span<const std::uint8_t> body = deflate ? packed : entry.bytes;
    const std::uint64_t local = out.size(), method = deflate ? 8 : 0, crc = crc32(entry.bytes);
    put_little_endian(out, {{kLocalMagic, 4},
                            {20, 2},
                            {0, 2},
                            {method, 2},
                            {kStamp, 4},
                            {crc, 4},
                            {body.size(), 4},
                            {entry.bytes.size(), 4},
                            {entry.name.size(), 2},
                            {0, 2}});
    out.insert(out.end(), entry.name.begin(), entry.name.end());
    out.insert(out.end(), body.begin(), body.end());
    put_little_endian(directory, {{kCentralMagic, 4},
                                  {20, 2},
                                  {20, 2},
                                  {0, 2},
                                  {method, 2},
                                  {kStamp, 4},
                                  {crc, 4},
                                  {body.size(), 4},
                                  {entry.bytes.size(), 4},
                                  {entry.name.size(), 2},
                                  {0, 2},
                                  {0, 2},
                                  {0, 2},
                                  {0, 2},
                                  {0, 4},
                                  {local, 4}});
    directory.insert(directory.end(), entry.name.begin(), entry.name.end());
  }
  const std::uint64_t start = out.size();
  if (start + directory.size() > std::numeric_limits<std::uint32_t>::max() - 22u)
    fail(Failure::run, "{} bytes are too many for a ZIP archive; write .npy", start);
  out.insert(out.end(), directory.begin(), directory.end());
  put_little_endian(out, {{kEndMagic, 4},
                          {0, 2},
                          {0, 2},
                          {entries.size(), 2},
                          {entries.size(), 2},
                          {directory.size(), 4},
                          {start, 4},
                          {0, 2}});
  return out;
}

}  // namespace scoresde
