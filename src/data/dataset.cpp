#include "data/dataset.h"

#include <algorithm>
#include <cctype>
#include <cmath>

#include "core/catalog.h"
#include "data/formats.h"
#include "data/image.h"

namespace scoresde {
namespace {

struct DataName {
  std::string path;
  Split split = Split::whole;
};

bool path_exists(const fs::path& path) {
  std::error_code error;  // a name too long for a path is no path, not an exception
  return fs::exists(path, error);
}

DataName parse_data_name(std::string_view data) {
  const std::size_t hash = data.rfind('#');
  if (hash == std::string_view::npos || path_exists(data)) return {std::string(data)};
  const std::string_view split = data.substr(hash + 1);
  if (split != "train" && split != "test")
    fail(Failure::data, "{}: there is no split '{}'; #train and #test are possible", data, split);
  return {std::string(data.substr(0, hash)), split == "train" ? Split::train : Split::test};
}

[[noreturn]] void fail_unknown(const std::string& path) {
  std::vector<std::string_view> names;
  for (const NamedSet& set : named_sets()) names.push_back(set.name);
  const std::string near = nearest(path, names);
  fail(Failure::data, "there is no file, folder or data set '{}'{}; the named sets are {}", path,
       near.empty() ? "" : ", did you mean '" + near + "'?", join(names));
}

Dataset load_file(const fs::path& path, Split split, const LoadOptions& options) {
  if (has_suffix(path, {".npz"})) return load_npz_file(path, split);
  require_no_split(path.string(), split);
  if (has_suffix(path, {".npy"})) return load_npy_file(path);
  if (has_suffix(path, {".csv", ".tsv", ".txt"})) return load_csv_file(path);
  if (has_suffix(path, {".bin", ".bin.gz"})) return load_cifar_file(path);
  if (has_suffix(path, {".png", ".jpg", ".jpeg"})) return load_image_file(path, options);
  if (path.filename().string().find("idx") != std::string::npos) return load_idx_file(path);
  fail(Failure::data,
       "{}: the kind of data is not known by its name; .npy, .npz, .csv, .bin (CIFAR), *idx* (.gz), .png, "
       ".jpg, or a folder of images are read",
       path.string());
}

Dataset load_folder(const fs::path& folder, Split split, const LoadOptions& options) {
  for (const fs::path& file : files_of(folder)) {
    if (has_suffix(file, {".bin", ".bin.gz"})) return load_cifar_folder(folder, split);
    if (file.filename().string().find("-idx") != std::string::npos) return load_idx_folder(folder, split);
  }
  return load_image_folder(folder, split, options);
}

void keep_first(Dataset& set, std::size_t most) {
  if (most == 0 || set.count <= most) return;
  set.count = most;
  const std::size_t size = static_cast<std::size_t>(set.shape.size());
  if (set.shape.image)
    set.pixels.resize(most * size);
  else
    set.values.resize(most * size);
  if (!set.labels.empty()) set.labels.resize(most);
}

void resize_images(Dataset& set, int side) {
  if (side <= 0 || (set.shape.height == side && set.shape.width == side)) return;
  Dataset resized;
  resized.shape = {set.shape.channels, side, side, true};
  for (std::size_t i = 0; i < set.count; ++i) {
    const Image image = resize(centre_crop(dataset_image(set, i)), side, side);
    const auto planes = channels_first(image.pixels, 1, image.pixels.size() / static_cast<std::size_t>(image.channels),
                                       static_cast<std::size_t>(image.channels));
    resized.pixels.insert(resized.pixels.end(), planes.begin(), planes.end());
  }
  set.shape = resized.shape;
  set.pixels = std::move(resized.pixels);
  set.notes.push_back(fmt::format("cropped to a square and resized to {} pixels a side", side));
}

void standardise(Dataset& set) {
  const std::size_t columns = static_cast<std::size_t>(set.shape.channels);
  set.column_mean.resize(columns);
  set.column_std.resize(columns);
  for (std::size_t c = 0; c < columns; ++c) {
    double sum = 0, squares = 0;
    for (std::size_t i = 0; i < set.count; ++i) sum += set.values[i * columns + c];
    const double mean = sum / static_cast<double>(set.count);
    for (std::size_t i = 0; i < set.count; ++i) {
      const double deviation = set.values[i * columns + c] - mean;
      squares += deviation * deviation;
    }
    const double spread = std::sqrt(squares / static_cast<double>(set.count));
    const bool constant = !(spread > 1e-7 * std::abs(mean));  // float32 tells no smaller differences
    set.column_mean[c] = static_cast<float>(mean);
    set.column_std[c] = constant ? 1.0f : static_cast<float>(spread);
    if (constant && set.count > 1) set.notes.push_back(fmt::format("column {} is constant ({})", c + 1, set.values[c]));
  }
}

void name_classes(Dataset& set, const std::string& where) {
  if (set.labels.empty()) return;
  const int most = *std::max_element(set.labels.begin(), set.labels.end());
  if (set.class_names.empty())
    for (int k = 0; k <= most; ++k) set.class_names.push_back(std::to_string(k));
  if (most >= set.classes()) fail(Failure::data, "{}: label {} is outside the {} classes", where, most, set.classes());
}

}  // namespace

std::span<const std::uint8_t> Dataset::image(std::size_t i) const {
  const std::size_t size = static_cast<std::size_t>(shape.size());
  return {pixels.data() + i * size, size};
}

std::span<const float> Dataset::row(std::size_t i) const {
  const std::size_t size = static_cast<std::size_t>(shape.size());
  return {values.data() + i * size, size};
}

void Dataset::item(std::size_t i, float* out) const {
  if (i >= count) fail(Failure::run, "item {} of {} was asked for", i, count);
  if (shape.image) {
    for (const std::uint8_t value : image(i)) *out++ = static_cast<float>(value) / 127.5f - 1.0f;
  } else {
    const auto stored = row(i);
    for (std::size_t c = 0; c < stored.size(); ++c) out[c] = (stored[c] - column_mean[c]) / column_std[c];
  }
}

Batch Dataset::rows(std::size_t n) const {
  Batch result(static_cast<Index>(std::min(n, count)), shape.size());
  std::vector<float> values_of_item(static_cast<std::size_t>(shape.size()));
  for (Index i = 0; i < result.rows(); ++i) {
    item(static_cast<std::size_t>(i), values_of_item.data());
    result.row(i) = Eigen::Map<const Eigen::ArrayXf>(values_of_item.data(), result.cols()).cast<double>().transpose();
  }
  return result;
}

Batch Dataset::batch(std::span<const std::uint32_t> indices) const {
  Eigen::Array<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> rows(static_cast<Index>(indices.size()),
                                                                            shape.size());
  for (std::size_t k = 0; k < indices.size(); ++k) item(indices[k], rows.row(static_cast<Index>(k)).data());
  return rows.cast<double>();
}

Dataset load_dataset(std::string_view data, const LoadOptions& options) try {
  const DataName name = parse_data_name(data);
  const auto known = std::find_if(named_sets().begin(), named_sets().end(),
                                  [&](const NamedSet& set) { return set.name == name.path; });
  Dataset set;
  if (known != named_sets().end()) {
    if (!known->has_split) require_no_split(name.path, name.split);
    set = known->load(name.split, options);
    set.has_split = known->has_split;
  } else if (!path_exists(name.path)) {
    fail_unknown(name.path);
  } else {
    set = fs::is_directory(name.path) ? load_folder(name.path, name.split, options)
                                      : load_file(name.path, name.split, options);
  }
  set.name = std::string(data);
  if (set.count == 0) fail(Failure::data, "{} has no items", data);
  name_classes(set, set.name);
  keep_first(set, options.most);
  if (set.shape.image) resize_images(set, options.resize);
  if (!set.shape.image && set.column_mean.empty()) standardise(set);
  return set;
} catch (const fs::filesystem_error& error) {
  fail(Failure::data, "{}: {} ({})", data, error.code().message(), error.path1().string());
}

bool has_suffix(const fs::path& path, std::initializer_list<std::string_view> suffixes) {
  std::string name = path.filename().string();
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
  return std::any_of(suffixes.begin(), suffixes.end(), [&](std::string_view suffix) { return name.ends_with(suffix); });
}

std::vector<fs::path> files_of(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder))
    // A link to nothing is listed too: reading it is an error, leaving it out a silently shorter data set.
    if (!entry.is_directory() && entry.path().filename().string().front() != '.') files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

void require_no_split(const std::string& where, Split split) {
  if (split != Split::whole)
    fail(Failure::data, "{} has no split: leave out #{}", where, split == Split::train ? "train" : "test");
}

}  // namespace scoresde
