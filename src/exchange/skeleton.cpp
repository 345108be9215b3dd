#include "exchange/skeleton.h"

#include <algorithm>
#include <map>

#include "core/text.h"

namespace scoresde {
namespace {

// A module of the file: its place among its like, and the shapes of its parameters.
struct FileModule {
  std::string name;  // flax: its class
  long long number = 0;
  std::map<std::string, std::vector<std::int64_t>> shapes;

  const std::vector<std::int64_t>* shape(const std::string& parameter) const {
    const auto found = shapes.find(parameter);
    return found == shapes.end() ? nullptr : &found->second;
  }
  bool has_rank(const std::string& parameter, std::size_t rank) const {
    const auto* extents = shape(parameter);
    return extents && extents->size() == rank;
  }
};

// "all_modules.12.Conv_0.weight" or "Conv_12.kernel".
bool split_module_name(const std::string& name, bool flax, FileModule& module, std::string& parameter) {
  const std::size_t start = flax ? 0 : std::string_view("all_modules.").size();
  if (!flax && !name.starts_with("all_modules.")) return false;
  const std::size_t dot = name.find('.', start);
  if (dot == std::string::npos) return false;
  std::string_view number = std::string_view(name).substr(start, dot - start);
  if (flax) {
    const std::size_t score = number.rfind('_');
    if (score == std::string_view::npos) return false;
    module.name = number.substr(0, score);
    number = number.substr(score + 1);
  }
  parameter = name.substr(dot + 1);
  return parse_number(number, module.number);
}

// Sorted by class and number; empty where a name is of another kind.
std::vector<FileModule> file_modules(const ForeignWeights& weights) {
  std::map<std::pair<std::string, long long>, FileModule> modules;
  for (const NamedArray& array : weights.raw) {
    FileModule module;
    std::string parameter;
    if (!split_module_name(array.name, weights.flax, module, parameter)) return {};
    auto& entry = modules.try_emplace({module.name, module.number}, module).first->second;
    entry.shapes[parameter] = array.array.shape;
  }
  std::vector<FileModule> result;
  for (auto& [key, module] : modules) result.push_back(std::move(module));
  return result;
}

class SkeletonReader {
 public:
  explicit SkeletonReader(bool flax) : flax_(flax), weight_(flax ? "kernel" : "weight") { skeleton_.ordered = !flax; }

  void add(const FileModule& module) {
    const std::string conv0 = "Conv_0." + weight_, conv1 = "Conv_1." + weight_;
    if (module.has_rank("W", 1)) {
      skeleton_.fourier = true;
    } else if (module.shape("NIN_3.W")) {
      ++skeleton_.attentions;
      if (!skeleton_.blocks.empty() && module.number == last_block_ + 1)
        skeleton_.blocks.back().attention_follows = true;
    } else if (module.has_rank(conv0, 4) && module.has_rank(conv1, 4)) {
      skeleton_.blocks.push_back({extent(module, conv0, flax_ ? 3 : 0), false});
      skeleton_.biggan = skeleton_.biggan || module.shape("Conv_2." + weight_);
      last_block_ = module.number;
    } else if (module.has_rank("Conv2d_0.weight", 4)) {
      skeleton_.fir = true;
    } else if (module.has_rank(conv0, 4)) {
      if (extent(module, conv0, flax_ ? 0 : 3) == 3) skeleton_.fir = skeleton_.fir.value_or(false);
    } else if (module.has_rank(weight_, 2)) {
      skeleton_.conditional = true;
    } else if (module.has_rank(weight_, 4) && skeleton_.channels == 0) {
      skeleton_.channels = extent(module, weight_, flax_ ? 3 : 0);
      skeleton_.image_channels = extent(module, weight_, flax_ ? 2 : 1);
    }
  }

  std::optional<NetSkeleton> finish() const {
    constexpr std::int64_t most = 4096;
    const auto plausible = [&](std::int64_t n) { return n >= 1 && n <= most; };
    if (!plausible(skeleton_.channels) || !plausible(skeleton_.image_channels) || skeleton_.blocks.empty())
      return std::nullopt;
    return skeleton_;
  }

 private:
  static std::int64_t extent(const FileModule& module, const std::string& parameter, std::size_t axis) {
    return module.shapes.at(parameter)[axis];
  }

  bool flax_;
  std::string weight_;
  long long last_block_ = -1;
  NetSkeleton skeleton_;
};

}  // namespace

std::optional<NetSkeleton> read_skeleton(const ForeignWeights& weights) {
  SkeletonReader reader(weights.flax);
  for (const FileModule& module : file_modules(weights)) reader.add(module);
  return reader.finish();
}

}  // namespace scoresde
