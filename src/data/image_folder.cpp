#include <algorithm>

#include "data/formats.h"
#include "data/image.h"

namespace scoresde {
namespace {

bool is_image_file(const fs::path& path) { return has_suffix(path, {".png", ".jpg", ".jpeg"}); }

std::vector<fs::path> folders_of(const fs::path& folder) {
  std::vector<fs::path> folders;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder))
    if (entry.is_directory() && entry.path().filename().string().front() != '.') folders.push_back(entry.path());
  std::sort(folders.begin(), folders.end());
  return folders;
}

/// The images below a folder at any depth, in the order of their paths. Other files are refused rather than skipped,
/// but for texts that go with data sets.
void collect_images(const fs::path& folder, std::vector<fs::path>& images) {
  for (const fs::path& file : files_of(folder)) {
    if (is_image_file(file))
      images.push_back(file);
    else if (!has_suffix(file, {".txt", ".md", ".json", ".csv", ".html", "license", "copying", "readme"}))
      fail(Failure::data, "{} is neither .png nor .jpg: a folder of images holds nothing else", file.string());
  }
  for (const fs::path& inner : folders_of(folder)) collect_images(inner, images);
}

/// Appends images one by one, all brought to the shape of the first.
class ImageCollector {
 public:
  ImageCollector(Dataset& set, int resize_to) : set_(set), resize_to_(resize_to) {}

  void add(const fs::path& path) {
    ImageOrigin origin;
    Image image = read_image(path, &origin);
    alpha_ += origin.alpha;
    sixteen_ += origin.sixteen;
    palette_ += origin.palette;
    if (resize_to_ > 0) {
      resized_ += image.width != resize_to_ || image.height != resize_to_;
      image = resize(centre_crop(image), resize_to_, resize_to_);
    }
    if (set_.count == 0) {
      set_.shape = {image.channels, image.height, image.width, true};
      first_ = path;
    }
    if (image.height != set_.shape.height || image.width != set_.shape.width)
      fail(Failure::data,
           "{} is {} wide and {} high, {} is {} by {}: --resize N (training: --set data.resize=N) brings "
           "all to one size",
           path.string(), image.width, image.height, first_.string(), set_.shape.width, set_.shape.height);
    if (image.channels == 3 && set_.shape.channels == 1) grey_to_rgb();
    append(image);
  }

  void finish() {
    const auto note = [&](std::size_t n, std::string_view what) {
      if (n > 0) set_.notes.push_back(fmt::format("{} of {} images {}", n, set_.count, what));
    };
    note(alpha_, "have transparency: composed over white");
    note(sixteen_, "have 16 bits a channel: rounded to 8");
    note(palette_, "have a palette: expanded");
    note(grey_, "are grey among RGB: taken as RGB");
    note(resized_, fmt::format("were cropped to a square and resized to {}", resize_to_));
  }

 private:
  void append(const Image& image) {
    const auto channels = static_cast<std::size_t>(image.channels),
               wanted = static_cast<std::size_t>(set_.shape.channels);
    const std::size_t area = image.pixels.size() / channels;
    grey_ += channels < wanted;
    for (std::size_t c = 0; c < wanted; ++c)
      for (std::size_t p = 0; p < area; ++p)
        set_.pixels.push_back(image.pixels[p * channels + std::min(c, channels - 1)]);
    ++set_.count;
  }

  void grey_to_rgb() {
    const std::size_t area = static_cast<std::size_t>(set_.shape.size());
    std::vector<std::uint8_t> planes;
    planes.reserve(3 * set_.pixels.size());
    for (auto at = set_.pixels.begin(); at != set_.pixels.end(); at += static_cast<std::ptrdiff_t>(area))
      for (int c = 0; c < 3; ++c) planes.insert(planes.end(), at, at + static_cast<std::ptrdiff_t>(area));
    set_.pixels = std::move(planes);
    set_.shape.channels = 3;
    grey_ = set_.count;
  }

  Dataset& set_;
  int resize_to_;
  fs::path first_;
  std::size_t alpha_ = 0, sixteen_ = 0, palette_ = 0, grey_ = 0, resized_ = 0;
};

}  // namespace

Dataset load_image_file(const fs::path& path, const LoadOptions& options) {
  Dataset set;
  ImageCollector collector(set, options.resize);
  collector.add(path);
  collector.finish();
  return set;
}

Dataset load_image_folder(const fs::path& given, Split split, const LoadOptions& options) {
  const bool has_split = fs::is_directory(given / "train") && fs::is_directory(given / "test");
  if (!has_split) require_no_split(given.string(), split);
  const fs::path folder = has_split ? given / (split == Split::test ? "test" : "train") : given;
  Dataset set;
  set.has_split = has_split;
  std::vector<std::pair<fs::path, std::int32_t>> files;  // image and class
  const std::vector<fs::path> classes = folders_of(folder);
  if (classes.empty()) {
    std::vector<fs::path> images;
    collect_images(folder, images);
    for (fs::path& image : images) files.emplace_back(std::move(image), -1);
  } else {
    for (const fs::path& file : files_of(folder))
      if (is_image_file(file))
        fail(Failure::data, "{} lies beside the class folder {}: it has no class", file.string(),
             classes[0].filename().string());
    for (const fs::path& name : classes) {
      std::vector<fs::path> images;
      collect_images(name, images);
      if (images.empty()) fail(Failure::data, "the class folder {} holds no image", name.string());
      for (fs::path& image : images) files.emplace_back(std::move(image), static_cast<std::int32_t>(set.classes()));
      set.class_names.push_back(name.filename().string());
    }
  }
  if (files.empty()) fail(Failure::data, "{} holds no .png or .jpg file", folder.string());
  if (options.most > 0 && files.size() > options.most) files.resize(options.most);
  ImageCollector collector(set, options.resize);
  for (const auto& [path, label] : files) {
    collector.add(path);
    if (label >= 0) set.labels.push_back(label);
  }
  collector.finish();
  return set;
}

}  // namespace scoresde
