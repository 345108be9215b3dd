#include "net/model.h"

#include <fmt/ranges.h>

#include <set>

#include "core/digest.h"

namespace scoresde {
namespace {

// "a, b, c, d, e and 12 more"
std::string some_of(const std::vector<std::string>& names) {
  const std::size_t shown = std::min<std::size_t>(names.size(), 5);
  std::string text =
      fmt::format("{}", fmt::join(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(shown), ", "));
  if (names.size() > shown) text += fmt::format(" and {} more", names.size() - shown);
  return text;
}

ModelSpec parse_spec(const std::map<std::string, std::string>& metadata, const fs::path& path) {
  const auto found = metadata.find("model");
  if (found == metadata.end())
    fail(Failure::data, "{}: no model of ScoreSDE (its metadata has no entry 'model')", path.string());
  const Json json = parse_json(found->second);
  if (json.is_discarded()) fail(Failure::data, "{}: the metadata entry 'model' is not JSON", path.string());
  ModelSpec spec;
  try {
    update(spec, json);
  } catch (const Error& error) {
    fail(Failure::data, "{}: the model's description: {}", path.string(), error.what());
  }
  // A path would be opened when the SDE is made, and its content shown in messages.
  if (spec.sde.name == "table" && spec.sde.table.find('\n') == std::string::npos)
    fail(Failure::data, "{}: the SDE's table is not in the file", path.string());
  const std::size_t means = spec.column_mean.size(), deviations = spec.column_std.size();
  if (means != deviations || (means != 0 && static_cast<Index>(means) != spec.shape.size()))
    fail(Failure::data, "{}: column_mean has {} and column_std {} values for items of {}", path.string(), means,
         deviations, spec.shape.size());
  return spec;
}

Graph graph_of(const ModelSpec& spec, const fs::path& path) {
  try {
    return build_net(spec.net, spec.shape);
  } catch (const Error& error) {
    fail(Failure::data, "{}: the model's network: {}", path.string(), error.what());
  }
}

}  // namespace

std::string model_hash(const ModelSpec& spec, const std::map<std::string, Tensor>& weights) {
  return model_hash(shown(to_json(spec)), weights);
}

std::string model_hash(std::string_view spec_json, const std::map<std::string, Tensor>& weights) {
  Digest digest;
  digest.add(spec_json);
  for (const auto& [name, tensor] : weights) {
    digest.add(fmt::format("|{}|{}|{}|", name, dtype_name(tensor.dtype), shape_text(tensor.shape)));
    digest.add(tensor.bytes);
  }
  return digest.hex();
}

void check_weights(const Graph& graph, const std::map<std::string, Tensor>& weights, const std::string& what) {
  std::vector<std::string> missing, unknown, misshapen;
  std::set<std::string> wanted;
  for (const Parameter& parameter : graph.parameters) {
    wanted.insert(parameter.name);
    const auto found = weights.find(parameter.name);
    if (found == weights.end()) {
      missing.push_back(parameter.name);
    } else if (found->second.shape != parameter.shape) {
      misshapen.push_back(fmt::format("{} is {} and should be {}", parameter.name, shape_text(found->second.shape),
                                      shape_text(parameter.shape)));
    } else if (found->second.dtype != Dtype::f32 && found->second.dtype != Dtype::f64) {
      misshapen.push_back(
          fmt::format("{} holds {} and should hold F32", parameter.name, dtype_name(found->second.dtype)));
    }
  }
  for (const auto& [name, tensor] : weights)
    if (!wanted.contains(name)) unknown.push_back(name);
  if (missing.empty() && unknown.empty() && misshapen.empty()) return;
  std::vector<std::string> parts;
  if (!missing.empty()) parts.push_back("missing: " + some_of(missing));
  if (!unknown.empty()) parts.push_back("unknown: " + some_of(unknown));
  if (!misshapen.empty()) parts.push_back(some_of(misshapen));
  fail(Failure::data, "{}: the weights do not fit the network; {}", what, fmt::join(parts, "; "));
}

void write_model(const fs::path& path, const ModelSpec& spec, const std::map<std::string, Tensor>& weights) {
  write_safetensors(path, {weights, {{"format", "scoresde"}, {"model", shown(to_json(spec))}}});
}

fs::path model_file(const fs::path& path, const std::string& checkpoint) {
  if (!fs::exists(path)) fail(Failure::data, "{}: there is no such file or run folder", path.string());
  if (!fs::is_directory(path)) return path;
  for (const fs::path& candidate :
       {path / "checkpoints" / checkpoint / "model.safetensors", path / "model.safetensors"})
    if (fs::is_regular_file(candidate)) return candidate;
  fail(Failure::data, "{}: no checkpoint (checkpoints/{}/model.safetensors is missing); is it a run folder?",
       path.string(), checkpoint);
}

Model read_model(const fs::path& path) {
  const fs::path file = model_file(path);
  Safetensors content = read_safetensors(file);
  Model model{parse_spec(content.metadata, file), std::move(content.tensors), {}};
  check_weights(graph_of(model.spec, file), model.weights, file.string());
  model.hash = model_hash(content.metadata.at("model"), model.weights);
  return model;
}

}  // namespace scoresde
