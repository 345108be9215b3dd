#include <algorithm>

#include "core/text.h"
#include "exchange/architecture.h"
#include "exchange/refinenet.h"

namespace scoresde {
namespace {

using ArrayTable = std::map<std::string, const ArrayView*>;

// "all_modules.12.Conv_0.weight" as 12 and "Conv_0.weight".
struct SongName {
  std::string module, parameter;
};
std::optional<SongName> song_name(const std::string& name) {
  constexpr std::string_view head = "all_modules.";
  if (!name.starts_with(head)) return std::nullopt;
  const std::size_t dot = name.find('.', head.size());
  if (dot == std::string::npos) return std::nullopt;
  return SongName{name.substr(head.size(), dot - head.size()), name.substr(dot + 1)};
}

// A module of the graph in the order of creation.
struct GraphModule {
  std::vector<const Parameter*> parameters;
  std::vector<std::string> names;  // inside the module
  bool has(std::string_view name) const { return std::find(names.begin(), names.end(), name) != names.end(); }
};

std::vector<GraphModule> modules_of(const Graph& graph) {
  std::vector<GraphModule> modules;
  std::string last;
  for (const Parameter& parameter : graph.parameters) {
    const auto name = song_name(parameter.name);
    if (!name) return {};
    if (modules.empty() || name->module != last) modules.emplace_back();
    last = name->module;
    modules.back().parameters.push_back(&parameter);
    modules.back().names.push_back(name->parameter);
  }
  return modules;
}

// flax counts the modules of each class on its own: "ResnetBlockBigGANpp_3". Modules without parameters are counted and
// leave gaps, so only the order is used.
std::string_view flax_class(const GraphModule& module) {
  if (module.has("W")) return "GaussianFourierProjection";
  if (module.has("NIN_3.W")) return "AttnBlock";
  if (module.has("GroupNorm_1.weight")) return "ResnetBlock";
  if (module.has("weight")) {
    const std::size_t axes = module.parameters[0]->shape.size();
    return axes == 4 ? "Conv" : axes == 2 ? "Dense" : "GroupNorm";
  }
  if (module.has("Conv_0.weight") && module.parameters[0]->shape.back() == 1) return "Combine";
  return "sample";  // Downsample first, then Upsample
}

class FlaxModules {
 public:
  explicit FlaxModules(const std::vector<NamedArray>& arrays) {
    for (const NamedArray& array : arrays) {
      const std::size_t dot = array.name.find('.'), score = array.name.rfind('_', dot);
      long long number = 0;
      if (dot == std::string::npos || score == std::string::npos ||
          !parse_number(std::string_view(array.name).substr(score + 1, dot - score - 1), number))
        continue;
      classes_[class_of(array.name.substr(0, score))][{array.name.starts_with("Upsample"), number}]
              [array.name.substr(dot + 1)] = &array.array;
    }
  }

  // The next module of a class, or nothing where there are no more.
  std::optional<ArrayTable> next(const std::string& name) {
    auto& left = classes_[name];
    if (left.empty()) return std::nullopt;
    ArrayTable result = std::move(left.begin()->second);
    left.erase(left.begin());
    return result;
  }

 private:
  // ResnetBlockBigGANpp, ResnetBlockDDPMpp, ResnetBlockDDPM; AttnBlockpp, AttnBlock; Downsample, Upsample.
  static std::string class_of(const std::string& name) {
    for (const char* family : {"ResnetBlock", "AttnBlock"})
      if (name.starts_with(family)) return family;
    return name == "Downsample" || name == "Upsample" ? "sample" : name;
  }

  std::map<std::string, std::map<std::pair<bool, long long>, ArrayTable>> classes_;
};

ArrayView permuted(const ArrayView& view, const std::vector<std::size_t>& axes) {
  ArrayView result = view;
  for (std::size_t k = 0; k < axes.size(); ++k) {
    result.shape[k] = view.shape[axes[k]];
    result.strides[k] = view.strides[axes[k]];
  }
  return result;
}

// Kernels are HWIO or (in, out) in flax.
ArrayView with_our_axes(const ArrayView& view) {
  if (view.shape.size() == 4) return permuted(view, {3, 2, 0, 1});
  if (view.shape.size() == 2) return permuted(view, {1, 0});
  return view;
}

// A parameter of ours out of a flax module: a norm's weight is its scale there.
std::optional<ArrayView> flax_parameter(const ArrayTable& table, const std::string& name) {
  const auto find = [&](const std::string& candidate) -> const ArrayView* {
    const auto found = table.find(candidate);
    return found == table.end() ? nullptr : found->second;
  };
  constexpr std::string_view weight = "weight";
  if (!name.ends_with(weight)) {
    const ArrayView* same = find(name);
    return same ? std::optional(*same) : std::nullopt;
  }
  const std::string head = name.substr(0, name.size() - weight.size());
  for (const char* word : {"kernel", "weight", "scale"}) {
    if (const ArrayView* view = find(head + word)) return with_our_axes(*view);
  }
  return std::nullopt;
}

// RefineNets: a convolution's kernel, its bias, or a row (1, 1, 1, C) of a norm.
std::optional<ArrangedArrays> arrange_by_name(const Graph& graph, const std::vector<NamedArray>& arrays,
                                              const std::vector<std::string>& names) {
  ArrayTable table;
  for (const NamedArray& array : arrays) table[array.name] = &array.array;
  ArrangedArrays result;
  for (std::size_t k = 0; k < names.size(); ++k) {
    const auto found = table.find(names[k]);
    if (found == table.end()) return std::nullopt;
    ArrayView view = with_our_axes(*found->second);
    const Parameter& parameter = graph.parameters[k];
    if (parameter.shape.size() == 1 && view.shape == std::vector<std::int64_t>{parameter.shape[0], 1, 1, 1})
      view.shape.resize(1), view.strides.resize(1);
    if (view.shape != parameter.shape) return std::nullopt;
    result[parameter.name] = std::move(view);
  }
  return result;
}

std::optional<ArrangedArrays> arrange_flax(const Graph& graph, const std::vector<NamedArray>& arrays) {
  if (const auto names = flax_refinenet_names(graph); !names.empty()) return arrange_by_name(graph, arrays, names);
  FlaxModules modules(arrays);
  ArrangedArrays result;
  for (const GraphModule& module : modules_of(graph)) {
    const auto table = modules.next(std::string(flax_class(module)));
    if (!table || table->size() != module.names.size()) return std::nullopt;
    for (std::size_t k = 0; k < module.names.size(); ++k) {
      const auto view = flax_parameter(*table, module.names[k]);
      if (!view || view->shape != module.parameters[k]->shape) return std::nullopt;
      result[module.parameters[k]->name] = *view;
    }
  }
  if (result.size() != arrays.size()) return std::nullopt;
  return result;
}

}  // namespace

std::optional<ArrangedArrays> arrange(const Graph& graph, const std::vector<NamedArray>& arrays, bool flax) {
  if (graph.parameters.size() != arrays.size()) return std::nullopt;
  if (flax) return arrange_flax(graph, arrays);
  ArrangedArrays result;
  for (const NamedArray& array : arrays) result[array.name] = array.array;
  for (const Parameter& parameter : graph.parameters) {
    const auto found = result.find(parameter.name);
    if (found == result.end() || found->second.shape != parameter.shape) return std::nullopt;
  }
  return result;
}

}  // namespace scoresde
