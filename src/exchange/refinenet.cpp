#include "exchange/refinenet.h"

#include <map>

#include "core/text.h"

namespace scoresde {
namespace {

const ArrayView* array_called(const std::vector<NamedArray>& arrays, std::string_view name) {
  for (const NamedArray& array : arrays)
    if (array.name == name) return &array.array;
  return nullptr;
}

class FlaxNames {
 public:
  std::string of(const std::string& parameter) {
    std::vector<std::string> words = split(parameter, '.');
    std::string last = words.back();
    words.pop_back();
    if (last == "weight") last = "kernel";
    return module(words) + "." + last;
  }

 private:
  std::string module(const std::vector<std::string>& words) {
    if (words[0] == "begin_conv") return "Conv_0";
    if (words[0] == "end_conv") return "Conv_1";
    if (words[0] == "normalizer") return "InstanceNorm2dPlus_0";
    if (words[0].starts_with("res")) return "ResidualBlock_" + place(residuals_, words[0] + words[1]) + residual(words);
    const std::string block = "RefineBlock_" + place(refines_, words[0]);  // before refine(), which looks it up
    return block + refine(words);
  }

  // "1" for the second name that was ever asked for.
  static std::string place(std::map<std::string, std::size_t>& known, const std::string& name) {
    return std::to_string(known.try_emplace(name, known.size()).first->second);
  }

  // A pooled convolution is a module of its own around one: "conv2.conv".
  static std::string residual(const std::vector<std::string>& words) {
    const std::string& layer = words[2];
    if (layer.starts_with("normalize"))
      return layer == "normalize1" ? ".InstanceNorm2dPlus_0" : ".InstanceNorm2dPlus_1";
    if (words.size() > 3) return layer == "conv2" ? ".ConvMeanPool_0.Conv_0" : ".ConvMeanPool_1.Conv_0";
    return layer == "conv1" ? ".Conv_0" : layer == "conv2" ? ".Conv_1" : ".Conv_2";
  }

  // Only the first, deepest block has one input; "2_1_conv" is the third convolution of its unit.
  std::string refine(const std::vector<std::string>& words) const {
    if (words[1] == "msf") return ".MSFBlock_0.Conv_" + words[3];
    if (words[1] == "crp") return ".CRPBlock_0.Conv_" + words[3];
    const bool output = words[1] == "output_convs";
    const std::string& layer = words[output ? 2 : 3];
    const int number = 2 * (layer[0] - '1') + (layer[2] - '1');
    const std::string inputs = refines_.at(words[0]) == 0 ? "1" : "2";
    return ".RCUBlock_" + (output ? inputs : words[2]) + ".Conv_" + std::to_string(number);
  }

  std::map<std::string, std::size_t> residuals_, refines_;
};

}  // namespace

std::optional<RefineNetFacts> read_refinenet(const ForeignWeights& weights) {
  bool refines = false;
  for (const NamedArray& array : weights.raw)
    refines = refines || array.name.starts_with(weights.flax ? "RefineBlock_" : "refine1.");
  const ArrayView* first = array_called(weights.raw, weights.flax ? "Conv_0.kernel" : "begin_conv.weight");
  if (!refines || !first || first->shape.size() != 4) return std::nullopt;
  RefineNetFacts facts{"ncsnv2", first->shape[weights.flax ? 3 : 0], first->shape[weights.flax ? 2 : 1]};
  if (const ArrayView* table = array_called(weights.raw, "normalizer.embed.weight"); table && !table->shape.empty()) {
    facts.name = "ncsn";
    facts.levels = table->shape[0];
  }
  const auto plausible = [](std::int64_t n) { return n >= 1 && n <= 4096; };
  if (!plausible(facts.channels) || !plausible(facts.image_channels)) return std::nullopt;
  return facts;
}

std::vector<std::string> flax_refinenet_names(const Graph& graph) {
  if (graph.parameters.empty() || graph.parameters[0].name != "begin_conv.weight") return {};
  FlaxNames names;
  std::vector<std::string> result;
  for (const Parameter& parameter : graph.parameters) result.push_back(names.of(parameter.name));
  return result;
}

}  // namespace scoresde
