#include "core/safetensors_view.h"
#include "exchange/formats.h"

namespace scoresde {

// The length of the header, then its brace.
bool is_safetensors(std::span<const std::uint8_t> bytes) {
  return bytes.size() >= 9 && bytes[8] == '{' && bytes[6] == 0 && bytes[7] == 0;
}

Document read_safetensors_document(std::span<const std::uint8_t> bytes, const std::string& where) {
  Document document;
  Document::Table table;
  const SafetensorsView content = view_safetensors(bytes, where);
  for (const auto& [name, view] : content.tensors) {
    const Document::Id key = document.add(name);
    table.items.emplace_back(
        key, document.add(ArrayView{view.dtype, view.shape, contiguous_strides(view.shape), 0, view.bytes}));
  }
  if (const auto spec = content.metadata.find("model"); spec != content.metadata.end()) {
    const Document::Id key = document.add(std::string("scoresde"));
    table.items.emplace_back(key, document.add(spec->second));
  }
  document.root = document.add(std::move(table));
  return document;
}

}  // namespace scoresde
