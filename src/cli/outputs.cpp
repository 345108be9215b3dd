#include "cli/outputs.h"

#include "cli/call.h"
#include "data/csv.h"
#include "data/image.h"
#include "data/image_grid.h"
#include "data/npy.h"

namespace scoresde {
namespace {

// 000000.png, 000001.png ... by sample id, a sub-folder per 10,000 where there are more than that.
class FolderSink : public SampleSink {
 public:
  FolderSink(fs::path folder, const ModelSpec& spec, Json recipe, bool nested)
      : folder_(std::move(folder)), shape_(spec.shape), recipe_(std::move(recipe)), nested_(nested) {
    fs::create_directories(folder_);
    remove_earlier(folder_);
  }

  void add(std::span<const std::uint64_t> ids, const Batch& rows) override {
    const auto images = batch_to_images(rows, shape_);
    for (std::size_t k = 0; k < ids.size(); ++k) {
      recipe_["sample"] = ids[k];
      const std::string file =
          nested_ ? fmt::format("{:04}/{:06}.png", ids[k] / 10000, ids[k]) : fmt::format("{:06}.png", ids[k]);
      fs::create_directories((folder_ / file).parent_path());
      write_png(folder_ / file, images[k], recipe_text(recipe_, file));
    }
  }

  void finish() override {}

 private:
  // What an earlier draw left (--force): numbered pictures here and in numbered sub-folders, nothing else.
  static void remove_earlier(const fs::path& folder) {
    std::vector<fs::path> earlier;
    for (const auto& entry : fs::directory_iterator(folder)) {
      const std::string stem = entry.path().stem().string();
      if (stem.find_first_not_of("0123456789") != std::string::npos) continue;
      if (entry.is_directory())
        remove_earlier(entry.path());
      else if (entry.path().extension() == ".png" && stem.size() >= 6)
        earlier.push_back(entry.path());
    }
    for (const fs::path& path : earlier) fs::remove(path);
  }

  fs::path folder_;
  ItemShape shape_;
  Json recipe_;
  bool nested_;
};

// The other forms are one file, written when all samples are there.
class FileSink : public SampleSink {
 public:
  FileSink(fs::path path, const ModelSpec& spec, Json recipe, int class_label, std::size_t count)
      : path_(std::move(path)),
        spec_(spec),
        recipe_(std::move(recipe)),
        class_label_(class_label),
        rows_(static_cast<Index>(count), spec.shape.size()) {
    if (path_.has_parent_path()) fs::create_directories(path_.parent_path());
  }

  void add(std::span<const std::uint64_t> ids, const Batch& rows) override {
    rows_.middleRows(static_cast<Index>(ids_.size()), rows.rows()) = rows;
    ids_.insert(ids_.end(), ids.begin(), ids.end());
  }

  void finish() override {
    if (path_.extension() == ".png") return write_grid();
    if (path_.extension() == ".csv") return write_csv(path_, to_data_units(rows_, spec_));
    if (path_.extension() == ".npz" && spec_.shape.image) {
      const std::vector<std::int32_t> labels(class_label_ < 0 ? 0 : ids_.size(), class_label_);
      return write_npz(path_, sample_arrays(batch_to_images(rows_, spec_.shape), labels));
    }
    // Pictures as the 8-bit arrays that every tool, this one too, reads as pictures.
    Tensor tensor = spec_.shape.image ? sample_arrays(batch_to_images(rows_, spec_.shape)).front().second
                                      : to_tensor(to_data_units(rows_, spec_));
    if (path_.extension() == ".npz")
      write_npz(path_, {{"arr_0", std::move(tensor)}});
    else
      write_npy(path_, tensor);
  }

 private:
  void write_grid() {
    recipe_["samples"] = ids_;
    write_png(path_, picture_of_samples(rows_, spec_.shape), recipe_text(recipe_));
  }

  fs::path path_;
  const ModelSpec& spec_;
  Json recipe_;
  int class_label_;
  Batch rows_;
  std::vector<std::uint64_t> ids_;
};

}  // namespace

Image picture_of_samples(const Batch& rows, const ItemShape& shape) {
  return shape.image ? grid(batch_to_images(rows, shape)) : scatter_image(rows, 512);
}

Batch to_data_units(const Batch& rows, const ModelSpec& spec) {
  if (spec.column_std.empty()) return rows;
  Batch values = rows;
  for (Index j = 0; j < rows.cols(); ++j)
    values.col(j) =
        rows.col(j) * spec.column_std[static_cast<std::size_t>(j)] + spec.column_mean[static_cast<std::size_t>(j)];
  return values;
}

std::unique_ptr<SampleSink> open_sink(const std::string& path, const ModelSpec& spec, const Json& recipe,
                                      int class_label, std::size_t count, bool force) {
  const std::string form = fs::path(path).extension().string();
  if (form == ".png" || form == ".npz" || form == ".npy" || form == ".csv") {
    require_free(path, force);
    if (form == ".png" && !spec.shape.image && spec.shape.size() != 2)
      fail(Failure::usage, "--out {}: rows of {} columns make no picture; use .csv or .npy", path, spec.shape.size());
    return std::make_unique<FileSink>(path, spec, recipe, class_label, count);
  }
  if (!form.empty() && form.size() <= 5 && !fs::is_directory(path))
    fail(Failure::usage, "--out {}: the form {} is not known; use a folder, .png, .npz, .npy or .csv", path, form);
  if (!spec.shape.image) fail(Failure::usage, "--out {}: rows of a table go to .csv, .npy or .npz", path);
  if (fs::exists(path) && !(fs::is_directory(path) && fs::is_empty(path))) require_free(path, force);
  return std::make_unique<FolderSink>(path, spec, recipe, count > 10000);
}

}  // namespace scoresde
