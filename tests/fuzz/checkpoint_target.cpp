#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>
#include <vector>

#include "core/zip.h"
#include "exchange/checkpoint_file.h"
#include "exchange/import_model.h"

namespace {

using namespace scoresde;
using Bytes = std::vector<std::uint8_t>;

// An archive around a pickle: its checksums would turn nearly every mutation of a whole file away at the door.
Bytes archive_of(std::span<const std::uint8_t> pickle) {
  std::vector<ZipEntry> files = {{"a/data.pkl", {pickle.begin(), pickle.end()}}};
  for (int key = 0; key < 4; ++key) files.push_back({"a/data/" + std::to_string(key), Bytes(64, 0x3f)});
  return zip_bytes(files, false);
}

void import(Bytes bytes) {
  const CheckpointFormat& format = format_of(bytes, "file");
  CheckpointFile file{std::string(format.name), format.read(bytes, "file"), {}};
  for (const NamedArray& array : named_arrays(file.document, file.document.root, "file"))
    if (static_cast<std::uint64_t>(array.array.size()) <= bytes.size()) array.array.copy();
  file.bytes = std::make_shared<const Bytes>(std::move(bytes));
  ImportHints hints;
  hints.weak = {{"sde", {{"name", "ve"}}}, {"net", {{"fir", true}}}};
  hints.height = 8;
  import_model(file, hints, "file");
}

}  // namespace

/// Any bytes at all: first as a file, then as the pickle inside one. Every refusal is an Error; whatever else happens
/// is a finding. The signature is libFuzzer's.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes bytes(data, data + size);
  for (const bool pickle : {false, true}) {
    if (pickle && (bytes.empty() || bytes[0] != 0x80)) continue;
    try {
      import(pickle ? archive_of(bytes) : bytes);
    } catch (const Error& error) {
      if (error.failure() == Failure::data || error.failure() == Failure::usage) continue;
      std::fprintf(stderr, "a file ended in exit %d: %s\n", static_cast<int>(error.failure()), error.what());
      std::abort();
    }
  }
  return 0;
}
