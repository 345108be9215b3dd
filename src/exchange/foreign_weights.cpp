#include "exchange/foreign_weights.h"

#include <algorithm>

namespace scoresde {
namespace {

constexpr std::string_view model_keys[] = {"model", "state_dict", "model_state_dict", "net", "params"};
constexpr std::string_view average_keys[] = {"ema", "ema_state_dict", "model_ema", "state_dict_ema"};
constexpr std::string_view song_word = "all_modules.";

std::optional<Document::Id> first_table(const Document& d, Document::Id id, std::span<const std::string_view> keys) {
  for (const std::string_view key : keys)
    if (const auto found = d.find(id, key); found && d.get<Document::Table>(*found)) return found;
  return std::nullopt;
}

// What wrappers put before every name: DataParallel's "module.", Lightning's attribute, torch.compile's "_orig_mod.".
// Files of our own have none but DataParallel's.
std::string common_prefix(const std::vector<NamedArray>& arrays, bool own) {
  for (const NamedArray& array : arrays)
    if (const std::size_t at = array.name.find(song_word); at != std::string::npos) return array.name.substr(0, at);
  std::string prefix;
  while (!arrays.empty() && !own) {
    const std::size_t dot = arrays[0].name.find('.', prefix.size());
    if (dot == std::string::npos) break;
    const std::string longer = arrays[0].name.substr(0, dot + 1);
    const auto shares = [&](const NamedArray& array) { return array.name.starts_with(longer); };
    if (!std::all_of(arrays.begin(), arrays.end(), shares)) break;
    prefix = longer;
  }
  return prefix;
}

std::vector<NamedArray> without_prefix(std::vector<NamedArray> arrays, bool own) {
  const std::string prefix = common_prefix(arrays, own);
  std::erase_if(arrays, [&](const NamedArray& array) { return !array.name.starts_with(prefix); });
  for (NamedArray& array : arrays) array.name.erase(0, prefix.size());
  return arrays;
}

void find_flax_weights(ForeignWeights& weights, const Document& d, const std::string& where) {
  weights.flax = true;
  weights.average = named_arrays(d, d.find(d.root, "params_ema").value(), where);
  const auto optimizer = d.find(d.root, "optimizer");
  const auto target = optimizer ? d.find(*optimizer, "target") : std::nullopt;
  weights.raw = target ? named_arrays(d, *target, where) : weights.average;
}

void find_average(ForeignWeights& weights, const Document& d, const std::string& where) {
  const auto average = first_table(d, d.root, average_keys);
  if (!average) return;
  const auto list = d.find(*average, "shadow_params");
  weights.average_has_names = !list;
  weights.average = named_arrays(d, list.value_or(*average), where);
  if (!list) weights.average = without_prefix(std::move(weights.average), weights.spec.has_value());
}

long long step_of(const Document& d) {
  for (const char* key : {"step", "global_step"}) {
    const auto found = d.find(d.root, key);
    if (!found) continue;
    if (const auto* step = d.get<std::int64_t>(*found)) return std::clamp<std::int64_t>(*step, 0, 1'000'000'000'000);
    if (const auto* array = d.get<ArrayView>(*found); array && array->size() == 1 && array->dtype == Dtype::i32) {
      const Tensor tensor = array->copy();
      std::int32_t step = 0;
      std::copy(tensor.bytes.begin(), tensor.bytes.end(), reinterpret_cast<std::uint8_t*>(&step));
      return std::max(step, 0);
    }
  }
  return 0;
}

void take_noise_levels(ForeignWeights& weights) {
  for (auto* arrays : {&weights.raw, &weights.average}) {
    const auto found =
        std::find_if(arrays->begin(), arrays->end(), [](const NamedArray& a) { return a.name == "sigmas"; });
    if (found == arrays->end()) continue;
    weights.noise_levels = *found;
    arrays->erase(found);
  }
}

}  // namespace

ForeignWeights find_weights(const Document& d, const std::string& where) {
  ForeignWeights weights;
  weights.step = step_of(d);
  if (const auto spec = d.find(d.root, "scoresde")) {
    const auto* text = d.get<std::string>(*spec);
    weights.spec = text ? parse_json(*text) : Json();
    if (!weights.spec->is_object()) fail(Failure::data, "{}: the entry 'scoresde' is not JSON", where);
  }
  if (d.find(d.root, "params_ema")) {
    find_flax_weights(weights, d, where);
  } else {
    weights.raw = without_prefix(named_arrays(d, first_table(d, d.root, model_keys).value_or(d.root), where),
                                 weights.spec.has_value());
    find_average(weights, d, where);
  }
  take_noise_levels(weights);
  if (weights.raw.empty())
    fail(Failure::data, "{}: no weights; at its top it has {}", where,
         d.keys(d.root).empty() ? "no names" : shown(d.keys(d.root)));
  return weights;
}

}  // namespace scoresde
