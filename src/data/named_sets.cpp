#include "data/named_sets.h"

#include <cstdlib>

#include "data/formats.h"

namespace scoresde {
namespace {

Dataset load_fashion_mnist(Split split, const LoadOptions&) {
  const char* elsewhere = std::getenv("SCORESDE_FASHION_MNIST");
  const fs::path folder = elsewhere ? elsewhere : "/usr/share/datasets/fashion-mnist";
  const fs::path images = folder / (split == Split::test ? "t10k-images-idx3-ubyte.gz" : "train-images-idx3-ubyte.gz");
  if (!fs::exists(images))
    fail(Failure::data,
         "fashion-mnist is not installed ({} is missing): apt-get install dataset-fashion-mnist, or name the folder "
         "of its four IDX files in SCORESDE_FASHION_MNIST",
         images.string());
  Dataset set = load_idx_file(images);
  set.class_names = {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
                     "Sandal",      "Shirt",   "Sneaker",  "Bag",   "Ankle boot"};
  return set;
}

Dataset load_digits(Split, const LoadOptions&) {
  const fs::path path = shipped_data("digits/digits-images-idx3-ubyte.gz");
  Dataset set = load_idx_file(path);
  for (std::uint8_t& value : set.pixels) {
    if (value > 16) fail(Failure::data, "{}: value {} is above 16", path.string(), value);
    value = static_cast<std::uint8_t>((value * 255 + 8) / 16);
  }
  set.notes.push_back("the 17 levels 0 .. 16 of the file are spread over 0 .. 255");
  return set;
}

template <const char* name>
Dataset load_toy_named(Split split, const LoadOptions& options) {
  return load_toy(name, split, options);
}

constexpr char kMoons[] = "moons", kCheckerboard[] = "checkerboard", kSwissRoll[] = "swiss-roll", kRings[] = "rings",
               kEightGaussians[] = "eight-gaussians", kPinwheel[] = "pinwheel";

constexpr NamedSet kNamedSets[] = {
    {"fashion-mnist", "60,000 + 10,000 photographs of clothes, 28x28 grey, 10 classes (Debian: dataset-fashion-mnist)",
     true, load_fashion_mnist},
    {"digits", "1,797 handwritten digits, 8x8 grey, 10 classes (UCI, shipped)", false, load_digits},
    {kMoons, "two interleaved half circles in the plane, 2 classes", true, load_toy_named<kMoons>},
    {kCheckerboard, "the dark cells of a 4x4 board in the plane", true, load_toy_named<kCheckerboard>},
    {kSwissRoll, "a spiral in the plane", true, load_toy_named<kSwissRoll>},
    {kRings, "four concentric circles in the plane, 4 classes", true, load_toy_named<kRings>},
    {kEightGaussians, "eight Gaussians on a circle in the plane, 8 classes", true, load_toy_named<kEightGaussians>},
    {kPinwheel, "five curved arms in the plane, 5 classes", true, load_toy_named<kPinwheel>},
};

}  // namespace

std::span<const NamedSet> named_sets() { return kNamedSets; }

fs::path shipped_data(std::string_view relative) {
  std::vector<fs::path> roots;
  if (const char* root = std::getenv("SCORESDE_DATA")) roots.emplace_back(root);
  roots.emplace_back(SCORESDE_DATA_DIR);
  std::error_code error;
  const fs::path binary = fs::read_symlink("/proc/self/exe", error);
  if (!error) roots.push_back(binary.parent_path() / "../share/scoresde/data");
  std::string looked;
  for (const fs::path& root : roots) {
    if (fs::exists(root / relative)) return root / relative;
    looked += (looked.empty() ? "" : ", ") + root.lexically_normal().string();
  }
  fail(Failure::data, "{} is in none of {}; set SCORESDE_DATA to the folder that holds it", relative, looked);
}

}  // namespace scoresde
