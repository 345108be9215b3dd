#include "core/error.h"
#include "core/text.h"
#include "exchange/checkpoint_file.h"
#include "exchange/formats.h"

namespace scoresde {
namespace {

// In the order in which they are tried: a msgpack map and a pickle may begin with the same byte.
constexpr CheckpointFormat format_table[] = {
    {"torch", "torch.save since PyTorch 1.6: ZIP", is_torch_zip, read_torch_zip},
    {"torch-legacy", "torch.save before PyTorch 1.6: pickles and raw storages", is_torch_legacy, read_torch_legacy},
    {"safetensors", "safetensors", is_safetensors, read_safetensors_document},
    {"flax", "flax.serialization: msgpack", is_flax_msgpack, read_flax_msgpack},
};

}  // namespace

std::span<const CheckpointFormat> checkpoint_formats() { return format_table; }

const CheckpointFormat& format_of(std::span<const std::uint8_t> bytes, const std::string& where) {
  std::vector<std::string_view> names;
  for (const CheckpointFormat& format : format_table) {
    if (format.recognise(bytes)) return format;
    names.push_back(format.name);
  }
  fail(Failure::data, "{}: no checkpoint of a known format ({})", where, join(names));
}

CheckpointFile read_checkpoint_file(const fs::path& path) {
  auto bytes = std::make_shared<const std::vector<std::uint8_t>>(read_bytes(path));
  const CheckpointFormat& format = format_of(*bytes, path.string());
  return {std::string(format.name), format.read(*bytes, path.string()), std::move(bytes)};
}

}  // namespace scoresde
