#include <algorithm>
#include <map>

#include "core/config.h"
#include "core/zip.h"
#include "exchange/formats.h"
#include "exchange/pickle.h"

namespace scoresde {
namespace {

constexpr std::string_view pickle_name = "data.pkl";
constexpr std::uint64_t largest_pickle = std::uint64_t{1} << 28;

// The files of an archive by their name inside its one folder.
class TorchArchive {
 public:
  TorchArchive(std::span<const std::uint8_t> bytes, const std::string& where) : bytes_(bytes), where_(where) {
    const std::vector<ZipRecord> records = zip_records(bytes, where);
    const auto is_pickle = [](const ZipRecord& r) {
      return r.name == pickle_name || r.name.ends_with("/" + std::string(pickle_name));
    };
    const auto found = std::find_if(records.begin(), records.end(), is_pickle);
    if (found == records.end())
      fail(Failure::data, "{}: a ZIP archive without data.pkl is no checkpoint of PyTorch", where);
    if (std::count_if(records.begin(), records.end(), is_pickle) > 1)
      fail(Failure::data, "{}: the archive has several data.pkl", where);
    for (const ZipRecord& record : records)
      if (record.name.starts_with('/') || ("/" + record.name + "/").find("/../") != std::string::npos)
        fail(Failure::data, "{}: the archive has a file {}, outside its own folder", where, shown(record.name));
    const std::string folder = found->name.substr(0, found->name.size() - pickle_name.size());
    for (const ZipRecord& record : records)
      if (record.name.starts_with(folder) && !records_.emplace(record.name.substr(folder.size()), record).second)
        fail(Failure::data, "{}: the archive has two files of the name {}", where, shown(record.name));
  }

  bool has(const std::string& name) const { return records_.contains(name); }

  std::span<const std::uint8_t> stored(const std::string& name) const {
    const auto found = records_.find(name);
    if (found == records_.end()) fail(Failure::data, "{}: the archive has no file {}", where_, shown(name));
    return stored_zip_record(bytes_, found->second, where_);
  }

 private:
  std::span<const std::uint8_t> bytes_;
  const std::string& where_;
  std::map<std::string, ZipRecord> records_;
};

}  // namespace

bool is_torch_zip(std::span<const std::uint8_t> bytes) {
  return bytes.size() >= 4 && bytes[0] == 'P' && bytes[1] == 'K' && bytes[2] == 3 && bytes[3] == 4;
}

Document read_torch_zip(std::span<const std::uint8_t> bytes, const std::string& where) {
  const TorchArchive archive(bytes, where);
  if (archive.has("byteorder")) {
    const auto order = archive.stored("byteorder");
    if (std::string(order.begin(), order.end()) != "little")
      fail(Failure::data, "{}: the checkpoint was written on a big-endian machine; load and save it on another", where);
  }
  const auto pickle = archive.stored(std::string(pickle_name));
  if (pickle.size() > largest_pickle) fail(Failure::data, "{}: data.pkl has {} bytes", where, pickle.size());
  Unpickled content = read_pickle(pickle, where);
  if (content.end != pickle.size())
    fail(Failure::data, "{}: data.pkl ends at byte {} of {}", where, content.end, pickle.size());
  std::vector<std::span<const std::uint8_t>> storages;
  for (const PickledStorage& storage : content.storages) {
    const auto data = archive.stored("data/" + storage.key);
    if (data.size() != storage.elements * dtype_size(storage.dtype))
      fail(Failure::data, "{}: storage {} has {} bytes and should have {} of {}", where, shown(storage.key),
           data.size(), storage.elements, dtype_name(storage.dtype));
    storages.push_back(data);
  }
  for (const auto& [id, storage] : content.arrays)
    std::get<ArrayView>(content.document.at(id)).storage = storages[storage];
  return std::move(content.document);
}

}  // namespace scoresde
