#include "exchange/import_model.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/catalog.h"
#include "exchange/refinenet.h"
#include "exchange/skeleton.h"
#include "net/presets.h"

namespace scoresde {
namespace {

Json part_of(const Json& settings, const char* part) {
  return settings.contains(part) && settings[part].is_object() ? settings[part] : Json::object();
}

// score_sde's table of noise levels, for pixels from 0 to 1.
struct NoiseLevels {
  double first = 0, last = 0;
  int count = 0;
};

std::optional<NoiseLevels> noise_levels(const ForeignWeights& weights) {
  if (!weights.noise_levels || weights.noise_levels->array.shape.size() != 1) return std::nullopt;
  const Tensor levels = floating(weights.noise_levels->array, weights.noise_levels->name);
  const auto value = [&](std::int64_t k) {
    return levels.dtype == Dtype::f64 ? levels.f64()[static_cast<std::size_t>(k)]
                                      : static_cast<double>(levels.f32()[static_cast<std::size_t>(k)]);
  };
  const std::int64_t count = levels.size();
  if (count < 2 || count > 1'000'000) return std::nullopt;
  // exp(log(50)) is not quite 50.
  const auto tidy = [](double x) { return std::round(x * 1e9) / 1e9; };
  const NoiseLevels result{tidy(value(0)), tidy(value(count - 1)), static_cast<int>(count)};
  if (!(result.last >= 1e-9 && result.first > result.last && result.first <= 1e6)) return std::nullopt;
  return result;
}

// The PyTorch version of a network that is not told the time still makes the blocks' maps of it, which nothing reads:
// they are left out, and so are their averages in a list that has no names (of what trains, in the model's order).
void drop_unread_time_maps(ForeignWeights& weights) {
  const auto frozen = [](const NamedArray& array) { return array.name == "all_modules.0.W"; };
  const auto unread = [](const NamedArray& array) { return array.name.find(".Dense_0.") != std::string::npos; };
  if (!weights.average_has_names) {
    std::vector<NamedArray> kept;
    std::size_t next = 0;
    for (const NamedArray& array : weights.raw)
      if (!frozen(array) && next < weights.average.size()) {
        if (!unread(array)) kept.push_back(weights.average[next]);
        ++next;
      }
    kept.insert(kept.end(), weights.average.begin() + static_cast<std::ptrdiff_t>(next), weights.average.end());
    weights.average = std::move(kept);
  } else {
    std::erase_if(weights.average, unread);
  }
  std::erase_if(weights.raw, unread);
}

class Importer {
 public:
  Importer(const CheckpointFile& file, const ImportHints& hints, const std::string& where)
      : file_(file), hints_(hints), where_(where), weights_(find_weights(file.document, where)) {}

  ImportedModel run() {
    if (weights_.spec)
      take_own_spec();
    else if (const auto facts = read_refinenet(weights_))
      take_refinenet(*facts);
    else if (const auto skeleton = read_skeleton(weights_))
      take_song_net(*skeleton);
    else
      take_named_net();
    result_.step = weights_.step;
    take_weights();
    return std::move(result_);
  }

 private:
  void note(std::string text) { result_.notes.push_back(std::move(text)); }

  void take_own_spec() {
    try {
      update(result_.spec, *weights_.spec);
    } catch (const Error& error) {
      fail(Failure::data, "{}: the model's description: {}", where_, error.what());
    }
    if (result_.spec.sde.name == "table" && result_.spec.sde.table.find('\n') == std::string::npos)
      fail(Failure::data, "{}: the SDE's table is not in the file", where_);
    note("the file describes its model itself: hints were not needed");
  }

  void take_sde() {
    SdeConfig& sde = result_.spec.sde;
    update(sde, part_of(hints_.weak, "sde"), "sde");
    const Json strong = part_of(hints_.strong, "sde");
    update(sde, strong, "sde");
    if (const auto levels = noise_levels(weights_); levels && sde.name == "ve") {
      // Twice theirs: pixels run from -1 to 1 here and from 0 to 1 there.
      if (!strong.contains("sigma_max")) sde.sigma_max = 2 * levels->first;
      if (!strong.contains("sigma_min")) sde.sigma_min = 2 * levels->last;
      note(fmt::format("sigma from {} to {}, by the file's table of {} noise levels", sde.sigma_min, sde.sigma_max,
                       levels->count));
    }
    make_sde(sde);
  }

  bool given(const char* part, const char* setting) const {
    return part_of(hints_.weak, part).contains(setting) || part_of(hints_.strong, part).contains(setting);
  }

  // What score_sde's own configurations do where the hints are silent.
  void assume(Json& net, const char* setting, const Json& value) {
    if (given("net", setting)) return;
    net[setting] = value;
    note(fmt::format("net.{} = {} is assumed, as in score_sde's configurations", setting, shown(value)));
  }

  void take_levels(Json& net) const {
    const auto levels = noise_levels(weights_);
    if (!levels) return;
    net["levels"] = levels->count;
    net["sigma_max"] = levels->first;
    net["sigma_min"] = levels->last;
  }

  int hinted_height() const {
    const Json data = part_of(hints_.weak, "data");
    const bool known = hints_.height == 0 && data.contains("resize") && data["resize"].is_number_integer();
    return known ? data["resize"].get<int>() : hints_.height;
  }

  NetHints net_hints(const NetSkeleton& skeleton) {
    NetHints net{part_of(hints_.weak, "net"), part_of(hints_.strong, "net"), hinted_height(), hints_.width};
    const bool ve = result_.spec.sde.name == "ve";
    assume(net.weak, "prediction", !ve ? "song-noise" : skeleton.fourier ? "song-score" : "song-level");
    assume(net.weak, "scale_by_sigma", ve);
    assume(net.weak, "nonlinearity", "swish");
    if (skeleton.biggan) assume(net.weak, "skip_rescale", true);
    take_levels(net.weak);
    return net;
  }

  // The number of stages follows from the size of the pictures; whether it is the file's shows in the weights' names.
  void take_refinenet(const RefineNetFacts& facts) {
    const int height = hinted_height();
    if (!given("sde", "name"))
      fail(Failure::usage, "{}: a checkpoint does not tell the SDE; give --sde ve, or a preset with --preset", where_);
    if (height == 0)
      fail(Failure::usage, "{}: a checkpoint does not tell the size of the pictures; give --size 32, or a preset",
           where_);
    take_sde();
    Json net = part_of(hints_.weak, "net");
    net["name"] = facts.name;
    net["channels"] = facts.channels;
    net["jax_layers"] = weights_.flax;
    assume(net, "prediction", "song-level");
    assume(net, "nonlinearity", "elu");
    if (facts.name == "ncsnv2") assume(net, "scale_by_sigma", true);
    take_levels(net);
    if (facts.levels > 0) net["levels"] = facts.levels;
    update(result_.spec.net, net, "net");
    update(result_.spec.net, part_of(hints_.strong, "net"), "net");
    result_.spec.shape = {static_cast<int>(facts.image_channels), height, hints_.width == 0 ? height : hints_.width,
                          true};
  }

  void take_song_net(const NetSkeleton& skeleton) {
    std::vector<std::string> missing;
    if (!given("sde", "name")) missing.push_back("the SDE (--sde ve, vp or sub-vp)");
    if (skeleton.biggan && !skeleton.fir && !given("net", "fir"))
      missing.push_back("whether the blocks resample with a filter (--set net.fir=false for DDPM++, true for NCSN++)");
    if (hints_.height == 0 && !given("net", "attention") && !given("data", "resize"))
      missing.push_back("the size of the pictures (--size 32)");
    if (!missing.empty()) refuse_incomplete(skeleton, missing);
    take_sde();
    if (!skeleton.conditional) drop_unread_time_maps(weights_);
    const NetMatch match = infer_network(weights_, net_hints(skeleton), where_).value();
    result_.spec.net = match.config;
    result_.spec.shape = match.shape;
  }

  [[noreturn]] void refuse_incomplete(const NetSkeleton& skeleton, const std::vector<std::string>& missing) const {
    const std::vector<std::string_view> words(missing.begin(), missing.end());
    std::vector<std::string_view> fitting;
    for (const Preset& preset : presets())
      if (fits(preset, skeleton)) fitting.push_back(preset.name);
    fail(Failure::usage, "{}: a checkpoint does not tell {}; give that, or a preset with --preset{}", where_,
         join(words, ", "), fitting.empty() ? "" : ": these have the same layers: " + join(fitting));
  }

  bool fits(const Preset& preset, const NetSkeleton& skeleton) const {
    NetConfig config;
    const Json net = part_of(preset_settings(preset), "net");
    update(config, net);
    if (config.channels != skeleton.channels || (config.name != "ncsnpp" && config.name != "ddpm")) return false;
    try {
      const Json data = part_of(preset_settings(preset), "data");
      const int size = data.contains("resize") ? data["resize"].get<int>() : 0;
      const auto match = infer_network(weights_, {net, Json::object(), size, 0}, where_);
      return match && to_json(match->config) == to_json(config);
    } catch (const Error&) {
      return false;
    }
  }

  [[noreturn]] void refuse_unknown() const {
    constexpr std::size_t most = 3;
    std::string some;
    for (std::size_t k = 0; k < std::min(most, weights_.raw.size()); ++k)
      some += fmt::format("{}{} {}", k == 0 ? "" : ", ", shown(weights_.raw[k].name),
                          shape_text(weights_.raw[k].array.shape));
    fail(Failure::usage,
         "{}: of no network can the options be inferred from names such as {}{} ({} in all); if it is one of "
         "`scoresde list nets`, describe it with --preset, or with --config and tables [sde] and [net]; networks of "
         "another make cannot be imported",
         where_, some, weights_.raw.size() > most ? " ..." : "", weights_.raw.size());
  }

  // Networks whose names tell nothing: the hints say all.
  void take_named_net() {
    if (!given("net", "name")) refuse_unknown();
    if (!given("sde", "name")) fail(Failure::usage, "{}: the SDE is not told; give --sde or --preset", where_);
    take_sde();
    update(result_.spec.net, part_of(hints_.weak, "net"), "net");
    update(result_.spec.net, part_of(hints_.strong, "net"), "net");
    result_.spec.shape = named_shape();
  }

  // This project's own networks begin with the layer `in`: (channels, D) for rows of a table, else a convolution.
  ItemShape named_shape() const {
    std::int64_t channels = 3;
    for (const NamedArray& array : weights_.raw) {
      if (array.name != "in.weight" || array.array.shape.size() < 2) continue;
      channels = array.array.shape[1];
      if (channels < 1 || channels > 1'000'000)
        fail(Failure::data, "{}: in.weight has the shape {}", where_, shape_text(array.array.shape));
      if (array.array.shape.size() == 2) return {static_cast<int>(channels), 1, 1, false};
    }
    const int height = hinted_height(), patch = result_.spec.net.patch;
    if (height == 0) fail(Failure::usage, "{}: the size of the pictures is not told; give --size", where_);
    const auto colours = std::max<std::int64_t>(1, channels / (patch * patch));
    return {static_cast<int>(colours), height, hints_.width == 0 ? height : hints_.width, true};
  }

  void take_weights() {
    Graph graph;
    try {
      graph = build_net(result_.spec.net, result_.spec.shape);
    } catch (const Error& error) {
      fail(Failure::data, "{}: the network: {}", where_, error.what());
    }
    std::uint64_t bytes = 0;
    for (const auto* arrays : {&weights_.raw, &weights_.average})
      for (const NamedArray& array : *arrays)
        bytes += static_cast<std::uint64_t>(array.array.size()) * dtype_size(array.array.dtype);
    if (bytes > 4 * file_.bytes->size())
      fail(Failure::data, "{}: the weights take {} bytes, more than four times the file: they share storages", where_,
           bytes);
    result_.raw = fitted(graph, weights_.raw);
    result_.has_average = !weights_.average.empty();
    if (!result_.has_average)
      result_.average = result_.raw;
    else if (weights_.average_has_names)
      result_.average = fitted(graph, weights_.average);
    else
      take_average_list(graph);
    check_weights(graph, result_.average, where_);
  }

  std::map<std::string, Tensor> fitted(const Graph& graph, const std::vector<NamedArray>& arrays) const {
    std::map<std::string, Tensor> result;
    if (const auto arranged = arrange(graph, arrays, weights_.flax)) {
      for (const auto& [name, array] : *arranged) result[name] = floating(array, where_ + ": " + name);
      return result;
    }
    for (const NamedArray& array : arrays) result[array.name] = {Dtype::f32, array.array.shape, {}};
    check_weights(graph, result, where_);
    fail(Failure::data, "{}: the weights repeat names", where_);
  }

  // score_sde keeps the averages of the trainable parameters without their names, in the order of the model's; what
  // is frozen (Fourier frequencies) comes from the model.
  void take_average_list(const Graph& graph) {
    std::map<std::string, const Parameter*> parameters;
    for (const Parameter& parameter : graph.parameters) parameters[parameter.name] = &parameter;
    std::size_t next = 0;
    for (const NamedArray& array : weights_.raw) {
      if (!parameters.at(array.name)->trainable) {
        result_.average[array.name] = result_.raw.at(array.name);
        continue;
      }
      if (next == weights_.average.size()) break;
      const ArrayView& view = weights_.average[next++].array;
      if (view.shape != array.array.shape)
        fail(Failure::data, "{}: average {} has the shape {} and belongs to {} of shape {}", where_, next - 1,
             shape_text(view.shape), array.name, shape_text(array.array.shape));
      result_.average[array.name] = floating(view, where_ + ": the average of " + array.name);
    }
    if (next != weights_.average.size() || result_.average.size() != graph.parameters.size())
      fail(Failure::data, "{}: the list of averages has {} tensors, which is not the number of trainable parameters",
           where_, weights_.average.size());
  }

  const CheckpointFile& file_;
  const ImportHints& hints_;
  const std::string& where_;
  ForeignWeights weights_;
  ImportedModel result_;
};

}  // namespace

ImportedModel import_model(const CheckpointFile& file, const ImportHints& hints, const std::string& where) {
  return Importer(file, hints, where).run();
}

}  // namespace scoresde
