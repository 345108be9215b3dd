#pragma once
#include <cstdint>
#include <span>
#include <string>

#include "exchange/document.h"

namespace scoresde {

/// torch.save since PyTorch 1.6: a ZIP archive of data.pkl and a stored file a storage.
bool is_torch_zip(std::span<const std::uint8_t> bytes);
Document read_torch_zip(std::span<const std::uint8_t> bytes, const std::string& where);

/// torch.save before 1.6: five pickles (magic number, protocol, system, object, keys), then the storages.
bool is_torch_legacy(std::span<const std::uint8_t> bytes);
Document read_torch_legacy(std::span<const std::uint8_t> bytes, const std::string& where);

/// flax.serialization.to_bytes: a msgpack map, arrays as an extension.
bool is_flax_msgpack(std::span<const std::uint8_t> bytes);
Document read_flax_msgpack(std::span<const std::uint8_t> bytes, const std::string& where);

/// safetensors: names as they are.
bool is_safetensors(std::span<const std::uint8_t> bytes);
Document read_safetensors_document(std::span<const std::uint8_t> bytes, const std::string& where);

}  // namespace scoresde
