#pragma once
#include <cstdint>
#include <fstream>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/file.h"
#include "core/image.h"

namespace scoresde {

/// CRC-32C (Castagnoli, RFC 3720 B.4), and the masked form that TFRecord files store:
/// rotate right by 15, plus 0xa282ead8.
std::uint32_t crc32c(std::span<const std::uint8_t> bytes);
std::uint32_t masked_crc32c(std::span<const std::uint8_t> bytes);

/// Writes what TensorBoard reads: `events.out.tfevents.*` in a run folder, TFRecord frames (length, masked CRC,
/// payload, masked CRC) of Event messages (tensorflow/core/util/event.proto).
///
/// A run has one such file. Opened again to resume, the writer cuts a record that a killed process left torn, drops
/// every event after `last_step` (training repeats those steps), and appends: the curves of a resumed run are those of
/// one that was never interrupted.
class EventWriter {
 public:
  /// `last_step`: the step of the checkpoint that is resumed; empty: a fresh run, which gets a new file.
  /// Error{run} where the folder cannot be written, Error{data} where the file to be resumed is none of TensorBoard's.
  explicit EventWriter(const fs::path& folder, std::optional<std::int64_t> last_step = std::nullopt);

  /// Tags group by what stands before the first '/': "loss/train", "loss/validation".
  void scalar(std::string_view tag, std::int64_t step, double value);
  /// Several values of one step in one event.
  void scalars(std::int64_t step, std::span<const std::pair<std::string, double>> values);
  void image(std::string_view tag, std::int64_t step, const Image& image);
  /// Markdown.
  void text(std::string_view tag, std::int64_t step, std::string_view markdown);

  /// Hands everything written so far to the operating system; Error{run} where the disk is full.
  void flush();

  const fs::path& path() const { return path_; }

 private:
  void add(std::string_view event);

  fs::path path_;
  std::ofstream out_;
};

/// One value of an events file, as the test and `scoresde info` see it.
struct EventValue {
  std::int64_t step = 0;
  double wall_time = 0;  ///< seconds since 1970
  std::string tag;
  std::optional<float> scalar;
  std::string png;  ///< bytes
  std::string text;
};

struct EventFile {
  std::string version;  ///< "brain.Event:2"
  std::vector<EventValue> values;
  std::uint64_t whole_bytes = 0;  ///< length of the file up to the last whole record
  bool torn = false;              ///< something unreadable follows
};

/// Reads an events file as far as its CRCs hold. Error{data} where the file cannot be read at all.
EventFile read_events(const fs::path& path);

}  // namespace scoresde
