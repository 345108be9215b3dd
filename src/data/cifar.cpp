#include <algorithm>

#include "core/text.h"
#include "data/formats.h"

namespace scoresde {
namespace {

constexpr std::size_t kCifarPixels = 3 * 32 * 32;

std::string plain_name(const fs::path& path) {
  std::string name = path.filename().string();
  if (name.ends_with(".gz")) name.resize(name.size() - 3);
  return name;
}

/// The names that CIFAR puts beside its batches, a line each; none where the file is absent.
std::vector<std::string> cifar_class_names(const fs::path& folder, bool hundred) {
  const fs::path path = folder / (hundred ? "fine_label_names.txt" : "batches.meta.txt");
  std::vector<std::string> names;
  if (fs::exists(path)) {
    for (const std::string& line : split(read_text(path), '\n'))
      if (!line.empty()) names.push_back(line);
  } else if (!hundred) {
    names = {"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"};
  }
  const std::size_t wanted = hundred ? 100 : 10;
  if (!names.empty() && names.size() != wanted)
    fail(Failure::data, "{}: {} class names; {} are expected", path.string(), names.size(), wanted);
  for (std::size_t k = names.size(); k < wanted; ++k) names.push_back(std::to_string(k));
  return names;
}

void append_batch(Dataset& set, Dataset&& batch, const fs::path& path) {
  if (set.count && set.class_names != batch.class_names)
    fail(Failure::data, "{}: CIFAR-10 and CIFAR-100 batches in one folder", path.string());
  set.shape = batch.shape;
  set.class_names = batch.class_names;
  set.count += batch.count;
  set.pixels.insert(set.pixels.end(), batch.pixels.begin(), batch.pixels.end());
  set.labels.insert(set.labels.end(), batch.labels.begin(), batch.labels.end());
  set.notes.push_back(fmt::format("{}: {} items", path.filename().string(), batch.count));
}

}  // namespace

Dataset load_cifar_file(const fs::path& path) {
  const std::vector<std::uint8_t> bytes = read_possibly_gzipped(path, kMostDataBytes);
  const std::string name = plain_name(path);
  const bool fits_ten = bytes.size() % (kCifarPixels + 1) == 0, fits_hundred = bytes.size() % (kCifarPixels + 2) == 0;
  if (bytes.empty() || (!fits_ten && !fits_hundred))
    fail(Failure::data,
         "{}: {} bytes are no whole number of CIFAR records (3073 or 3074 bytes each): it is truncated, "
         "or no CIFAR batch",
         path.string(), bytes.size());
  const bool hundred = fits_hundred && (!fits_ten || name == "train.bin" || name == "test.bin");
  const std::size_t record = kCifarPixels + (hundred ? 2 : 1);
  Dataset set;
  set.shape = {3, 32, 32, true};
  set.count = bytes.size() / record;
  set.class_names = cifar_class_names(path.parent_path(), hundred);
  set.pixels.reserve(set.count * kCifarPixels);
  for (std::size_t i = 0; i < set.count; ++i) {
    const std::uint8_t* at = bytes.data() + i * record;
    const int label = at[hundred ? 1 : 0];
    if (label >= set.classes() || (hundred && at[0] >= 20))
      fail(Failure::data, "{}: item {} has label {}; it is corrupt, or no CIFAR batch", path.string(), i, label);
    set.labels.push_back(label);
    set.pixels.insert(set.pixels.end(), at + record - kCifarPixels, at + record);
  }
  return set;
}

Dataset load_cifar_folder(const fs::path& folder, Split split) {
  std::vector<fs::path> train, test;
  for (const fs::path& file : files_of(folder)) {
    const std::string name = plain_name(file);
    if (name != file.filename() && fs::exists(folder / name)) continue;  // packed and unpacked: the same batch
    if (name.starts_with("data_batch_") || name == "train.bin")
      train.push_back(file);
    else if (name == "test_batch.bin" || name == "test.bin")
      test.push_back(file);
  }
  if (train.empty() && test.empty()) fail(Failure::data, "{} holds no CIFAR batch", folder.string());
  const bool both = !train.empty() && !test.empty();
  if (!both) require_no_split(folder.string(), split);
  Dataset set;
  for (const fs::path& file : train.empty() || (both && split == Split::test) ? test : train)
    append_batch(set, load_cifar_file(file), file);
  set.has_split = both;
  return set;
}

}  // namespace scoresde
