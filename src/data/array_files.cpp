#include <algorithm>

#include "core/text.h"
#include "data/formats.h"
#include "data/npy.h"

namespace scoresde {
namespace {

const Tensor* find_array(const NamedArrays& arrays, std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names)
    for (const auto& [key, array] : arrays)
      if (key == name) return &array;
  return nullptr;
}

struct NpzParts {
  const Tensor *items = nullptr, *labels = nullptr;
};

NpzParts npz_split(const NamedArrays& arrays, Split split) {
  if (split == Split::test)
    return {find_array(arrays, {"x_test", "test_images"}), find_array(arrays, {"y_test", "test_labels"})};
  return {find_array(arrays, {"x_train", "train_images"}), find_array(arrays, {"y_train", "train_labels"})};
}

}  // namespace

Dataset load_npy_file(const fs::path& path) { return dataset_from_array(read_npy(path), path.string()); }

Dataset load_npz_file(const fs::path& path, Split split) {
  const NamedArrays arrays = read_npz(path);
  const bool has_split = npz_split(arrays, Split::train).items && npz_split(arrays, Split::test).items;
  if (!has_split) require_no_split(path.string(), split);
  NpzParts parts = has_split ? npz_split(arrays, split)
                             : NpzParts{find_array(arrays, {"images", "arr_0", "x", "data"}),
                                        find_array(arrays, {"labels", "arr_1", "y", "label"})};
  if (!parts.items && arrays.size() == 1) parts.items = &arrays.front().second;
  if (!parts.items) {
    std::vector<std::string_view> names;
    for (const auto& entry : arrays) names.push_back(entry.first);
    fail(Failure::data, "{} holds none of images, arr_0, x, data, or x_train with x_test; it holds {}", path.string(),
         names.empty() ? "nothing" : join(names));
  }
  Dataset set = dataset_from_array(*parts.items, path.string());
  if (parts.labels) set_labels(set, *parts.labels, path.string());
  set.has_split = has_split;
  return set;
}

}  // namespace scoresde
