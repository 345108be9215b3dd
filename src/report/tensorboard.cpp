#include "report/tensorboard.h"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "core/error.h"
#include "report/protobuf.h"

namespace scoresde {
namespace {

constexpr std::string_view kFilePrefix = "events.out.tfevents.";
constexpr std::size_t kFrameHead = 12, kFrameTail = 4;  // 8 bytes of length and its CRC; the payload's CRC

constexpr std::array<std::uint32_t, 256> make_crc32c_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (crc & 1 ? 0x82f63b78u : 0u);  // 0x1edc6f41 reflected
    table[byte] = crc;
  }
  return table;
}

double unix_seconds() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::span<const std::uint8_t> bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

std::string little_endian(std::uint64_t value, int size) {
  std::string out;
  for (int k = 0; k < size; ++k) out += static_cast<char>(value >> 8 * k);
  return out;
}

std::uint64_t from_little_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (std::size_t k = 0; k < bytes.size(); ++k) value |= std::uint64_t{static_cast<std::uint8_t>(bytes[k])} << 8 * k;
  return value;
}

std::string tfrecord(std::string_view payload) {
  const std::string length = little_endian(payload.size(), 8);
  return length + little_endian(masked_crc32c(bytes_of(length)), 4) + std::string(payload) +
         little_endian(masked_crc32c(bytes_of(payload)), 4);
}

/// Takes a whole record off the front of `left` and returns its payload; empty where it is torn or a CRC is wrong.
std::optional<std::string_view> take_tfrecord(std::string_view& left) {
  if (left.size() < kFrameHead + kFrameTail) return std::nullopt;
  const std::string_view length_bytes = left.substr(0, 8);
  if (from_little_endian(left.substr(8, 4)) != masked_crc32c(bytes_of(length_bytes))) return std::nullopt;
  const std::uint64_t length = from_little_endian(length_bytes);
  if (length > left.size() - kFrameHead - kFrameTail) return std::nullopt;
  const std::string_view payload = left.substr(kFrameHead, length);
  if (from_little_endian(left.substr(kFrameHead + length, 4)) != masked_crc32c(bytes_of(payload))) return std::nullopt;
  left.remove_prefix(kFrameHead + length + kFrameTail);
  return payload;
}

ProtoWriter event_head(std::int64_t step) { return ProtoWriter().real(1, unix_seconds()).integer(2, step); }

/// Event { wall_time 1, step 2, summary 5 { value 1 { tag 1, ... } } }
std::string event_of_value(std::int64_t step, const ProtoWriter& value) {
  return event_head(step).message(5, ProtoWriter().message(1, value)).str();
}

std::int64_t event_step(std::string_view event) {
  ProtoReader reader(event);
  while (const auto field = reader.next())
    if (field->number == 2) return static_cast<std::int64_t>(field->bits);
  return 0;
}

EventValue parse_event_value(std::string_view message) {
  EventValue value;
  ProtoReader reader(message);
  while (const auto field = reader.next()) {
    ProtoReader inner(field->content);
    if (field->number == 1) value.tag = field->content;
    if (field->number == 2) value.scalar = field->real32();
    if (field->number == 4)
      while (const auto part = inner.next())
        if (part->number == 4) value.png = part->content;
    if (field->number == 8)
      while (const auto part = inner.next())
        if (part->number == 8) value.text = part->content;
  }
  return value;
}

void parse_event(std::string_view event, EventFile& file) {
  double wall_time = 0;
  const std::int64_t step = event_step(event);
  ProtoReader reader(event);
  while (const auto field = reader.next()) {
    if (field->number == 1) wall_time = field->real();
    if (field->number == 3) file.version = field->content;
    if (field->number != 5) continue;
    ProtoReader summary(field->content);
    while (const auto part = summary.next()) {
      if (part->number != 1) continue;
      file.values.push_back(parse_event_value(part->content));
      file.values.back().step = step;
      file.values.back().wall_time = wall_time;
    }
  }
}

/// The newest events file of a folder, by name (the name holds the second it was made); empty where there is none.
fs::path newest_event_file(const fs::path& folder) {
  fs::path newest;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(kFilePrefix) && !name.ends_with(".tmp") && name > newest.filename().string())
      newest = entry.path();
  }
  return newest;
}

fs::path new_event_file(const fs::path& folder) {
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0) host[0] = '\0';
  const std::string stem = fmt::format("{}{:010}.{}", kFilePrefix, static_cast<std::int64_t>(unix_seconds()),
                                       host[0] == '\0' ? "localhost" : host.data());
  fs::path path = folder / stem;
  for (int k = 1; fs::exists(path); ++k) path = folder / fmt::format("{}.{}", stem, k);
  return path;
}

/// Leaves in the file what is whole and belongs to steps up to `last_step`.
void cut_event_file(const fs::path& path, std::int64_t last_step) {
  const std::string all = read_text(path);
  std::string_view left = all;
  std::string kept;
  while (true) {
    const std::string_view before = left;
    const auto event = take_tfrecord(left);
    if (!event) break;
    if (event_step(*event) <= last_step) kept += before.substr(0, before.size() - left.size());
  }
  if (kept.empty() && !all.empty()) fail(Failure::data, "{} is not an events file of TensorBoard", path.string());
  if (kept.size() != all.size()) write_atomically(path, kept);
}

}  // namespace

std::uint32_t crc32c(std::span<const std::uint8_t> bytes) {
  static constexpr std::array<std::uint32_t, 256> kTable = make_crc32c_table();
  std::uint32_t crc = 0xffffffff;
  for (std::uint8_t byte : bytes) crc = kTable[(crc ^ byte) & 255] ^ (crc >> 8);
  return ~crc;
}

std::uint32_t masked_crc32c(std::span<const std::uint8_t> bytes) { return std::rotr(crc32c(bytes), 15) + 0xa282ead8u; }

EventWriter::EventWriter(const fs::path& folder, std::optional<std::int64_t> last_step) {
  fs::create_directories(folder);
  if (last_step) path_ = newest_event_file(folder);
  const bool resumed = !path_.empty();
  if (resumed)
    cut_event_file(path_, *last_step);
  else
    path_ = new_event_file(folder);
  out_.open(path_, std::ios::binary | std::ios::app);
  if (!out_) fail(Failure::run, "{} cannot be written: {}", path_.string(), std::strerror(errno));
  if (!resumed || fs::file_size(path_) == 0) add(event_head(0).bytes(3, "brain.Event:2").str());
  flush();
}

void EventWriter::add(std::string_view event) {
  const std::string record = tfrecord(event);
  out_.write(record.data(), static_cast<std::streamsize>(record.size()));
}

void EventWriter::scalar(std::string_view tag, std::int64_t step, double value) {
  add(event_of_value(step, ProtoWriter().bytes(1, tag).real32(2, static_cast<float>(value))));
}

void EventWriter::scalars(std::int64_t step, std::span<const std::pair<std::string, double>> values) {
  ProtoWriter summary;
  for (const auto& [tag, value] : values)
    summary.message(1, ProtoWriter().bytes(1, tag).real32(2, static_cast<float>(value)));
  add(event_head(step).message(5, summary).str());
}

void EventWriter::image(std::string_view tag, std::int64_t step, const Image& image) {
  const std::vector<std::uint8_t> png = encode_png(image);
  ProtoWriter content;  // Summary.Image: height 1, width 2, colorspace 3 (number of channels), encoded_image_string 4
  content.integer(1, image.height).integer(2, image.width).integer(3, image.channels);
  content.bytes(4, {reinterpret_cast<const char*>(png.data()), png.size()});
  add(event_of_value(step, ProtoWriter().bytes(1, tag).message(4, content)));
}

void EventWriter::text(std::string_view tag, std::int64_t step, std::string_view markdown) {
  ProtoWriter tensor;  // TensorProto: dtype 1 = DT_STRING (7), tensor_shape 2 = [1], string_val 8
  tensor.integer(1, 7).message(2, ProtoWriter().message(2, ProtoWriter().integer(1, 1))).bytes(8, markdown);
  ProtoWriter metadata;  // SummaryMetadata: plugin_data 1 { plugin_name 1 }, data_class 4 = TENSOR (2)
  metadata.message(1, ProtoWriter().bytes(1, "text")).integer(4, 2);
  add(event_of_value(step, ProtoWriter().bytes(1, tag).message(8, tensor).message(9, metadata)));
}

void EventWriter::flush() {
  out_.flush();
  if (!out_) fail(Failure::run, "{} cannot be written: {}", path_.string(), std::strerror(errno));
}

EventFile read_events(const fs::path& path) {
  const std::string all = read_text(path);
  std::string_view left = all;
  EventFile file;
  while (const auto event = take_tfrecord(left)) parse_event(*event, file);
  file.whole_bytes = all.size() - left.size();
  file.torn = !left.empty();
  return file;
}

}  // namespace scoresde
