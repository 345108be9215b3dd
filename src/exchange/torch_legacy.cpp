#include <array>
#include <cstring>
#include <map>

#include "core/config.h"
#include "exchange/formats.h"
#include "exchange/pickle.h"

namespace scoresde {
namespace {

// 0x1950a86a20f9469cfc6c, little-endian.
constexpr std::array<std::uint8_t, 10> torch_magic = {0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19};
constexpr std::int64_t legacy_protocol = 1001;

// One pickle after the other.
class PickleSequence {
 public:
  PickleSequence(std::span<const std::uint8_t> bytes, const std::string& where) : bytes_(bytes), where_(where) {}

  Unpickled next() {
    Unpickled result = read_pickle(bytes_, where_);
    bytes_ = bytes_.subspan(result.end);
    return result;
  }

  std::span<const std::uint8_t> rest() const { return bytes_; }

 private:
  std::span<const std::uint8_t> bytes_;
  const std::string& where_;
};

void check_legacy_head(PickleSequence& pickles, const std::string& where) {
  const Unpickled magic = pickles.next();
  const auto* number = magic.document.get<Document::Name>(magic.document.root);
  if (!number || number->text != long_integer_name(torch_magic))
    fail(Failure::data, "{}: a pickle, but no checkpoint of PyTorch (its magic number is missing)", where);
  const Unpickled protocol = pickles.next();
  const auto* version = protocol.document.get<std::int64_t>(protocol.document.root);
  if (!version || *version != legacy_protocol)
    fail(Failure::data, "{}: the checkpoint's protocol is not {}", where, legacy_protocol);
  const Unpickled system = pickles.next();
  const auto order = system.document.find(system.document.root, "little_endian");
  const bool* little = order ? system.document.get<bool>(*order) : nullptr;
  if (!little || !*little)
    fail(Failure::data, "{}: the checkpoint was not written on a little-endian machine; load and save it on one",
         where);
}

// Behind the pickles: for every key its number of elements (8 bytes) and its bytes.
std::map<std::string, std::span<const std::uint8_t>> legacy_storages(PickleSequence& pickles, const Unpickled& content,
                                                                     const std::string& where) {
  const Unpickled keys = pickles.next();
  const auto* list = keys.document.get<Document::List>(keys.document.root);
  if (!list) fail(Failure::data, "{}: the list of storages is missing", where);
  std::map<std::string, const PickledStorage*> wanted;
  for (const PickledStorage& storage : content.storages) wanted[storage.key] = &storage;
  std::map<std::string, std::span<const std::uint8_t>> result;
  auto rest = pickles.rest();
  for (const Document::Id id : list->items) {
    const auto* key = keys.document.get<std::string>(id);
    const auto found = key ? wanted.find(*key) : wanted.end();
    if (found == wanted.end()) fail(Failure::data, "{}: the list of storages names one that nothing uses", where);
    const PickledStorage& storage = *found->second;
    std::uint64_t elements = 0;
    const std::uint64_t bytes = storage.elements * dtype_size(storage.dtype);
    if (rest.size() < 8 || rest.size() - 8 < bytes)
      fail(Failure::data, "{}: truncated: storage {} needs {} bytes and {} are left", where, shown(*key), bytes,
           rest.size());
    std::memcpy(&elements, rest.data(), 8);
    if (elements != storage.elements)
      fail(Failure::data, "{}: storage {} has {} elements and should have {}", where, shown(*key), elements,
           storage.elements);
    if (!result.emplace(*key, rest.subspan(8, bytes)).second)
      fail(Failure::data, "{}: storage {} is listed twice", where, shown(*key));
    rest = rest.subspan(8 + bytes);
  }
  if (!rest.empty()) fail(Failure::data, "{}: {} bytes lie behind the last storage", where, rest.size());
  return result;
}

}  // namespace

bool is_torch_legacy(std::span<const std::uint8_t> bytes) {
  return bytes.size() >= 2 && bytes[0] == 0x80 && bytes[1] <= 5;
}

Document read_torch_legacy(std::span<const std::uint8_t> bytes, const std::string& where) {
  PickleSequence pickles(bytes, where);
  check_legacy_head(pickles, where);
  Unpickled content = pickles.next();
  const auto storages = legacy_storages(pickles, content, where);
  for (const auto& [id, index] : content.arrays) {
    const auto found = storages.find(content.storages[index].key);
    if (found == storages.end())
      fail(Failure::data, "{}: storage {} is missing", where, shown(content.storages[index].key));
    std::get<ArrayView>(content.document.at(id)).storage = found->second;
  }
  return std::move(content.document);
}

}  // namespace scoresde
