#include "train/checkpoint.h"

#include <set>

namespace scoresde {
namespace {

const std::string state_prefixes[] = {"weights/", "first_moments/", "second_moments/", "objective/"};

// The metadata's entry `key`, which the header's checksum covers.
Json parsed_entry(const Safetensors& content, const std::string& key) {
  const auto found = content.metadata.find(key);
  Json json = found == content.metadata.end() ? Json() : parse_json(found->second);
  if (!json.is_object()) fail(Failure::data, "the metadata has no table '{}'", key);
  return json;
}

void read_counters(TrainState& state, const Safetensors& content, const fs::path& path) {
  try {
    const Json counters = parsed_entry(content, "state");
    std::apply([&](const auto&... f) { (static_cast<void>(counters.at(std::string(f.name))), ...); },
               TrainCounters::fields());
    update(static_cast<TrainCounters&>(state), counters);
    state.config = parsed_entry(content, "config");
  } catch (const std::exception& error) {
    fail(Failure::data, "{} is no training state: {}", path.string(), error.what());
  }
}

}  // namespace

std::string CheckpointStore::set_name(long long step) const { return fmt::format("step_{:09}", step); }

void CheckpointStore::save(const TrainState& state, const ModelSpec& spec) const {
  const std::string name = set_name(state.step);
  const fs::path set = folder_ / name, aside = folder_ / (name + ".tmp");
  fs::remove_all(aside);  // a killed run's
  fs::create_directories(aside);
  write_model(aside / "model.safetensors", spec, state.average);
  Safetensors tensors;
  const std::map<std::string, Tensor>* parts[] = {&state.weights, &state.first_moments, &state.second_moments,
                                                  &state.objective};
  for (std::size_t k = 0; k < std::size(parts); ++k)
    for (const auto& [parameter, tensor] : *parts[k]) tensors.tensors[state_prefixes[k] + parameter] = tensor;
  tensors.metadata["state"] = shown(to_json(static_cast<const TrainCounters&>(state)));
  tensors.metadata["config"] = shown(state.config);
  write_safetensors(aside / "state.safetensors", tensors);
  std::error_code error;
  if (fs::read_symlink(folder_ / "latest", error) == name) {  // the same step saved again: the same weights
    fs::remove_all(aside);
    return;
  }
  fs::remove_all(set);  // left by a run that was killed before it swapped the link
  fs::rename(aside, set);
  sync_folder(folder_);
  swap_link("latest", name);
  if (state.best_step >= 0 && fs::exists(folder_ / set_name(state.best_step)))
    swap_link("best", set_name(state.best_step));
  prune();
}

std::optional<TrainState> CheckpointStore::load() const {
  std::error_code error;
  const fs::path name = fs::read_symlink(folder_ / "latest", error);
  if (error) return std::nullopt;
  const fs::path set = folder_ / name;
  TrainState state;
  state.average = read_safetensors(set / "model.safetensors").tensors;
  Safetensors tensors = read_safetensors(set / "state.safetensors");
  read_counters(state, tensors, set / "state.safetensors");
  std::map<std::string, Tensor>* parts[] = {&state.weights, &state.first_moments, &state.second_moments,
                                            &state.objective};
  for (auto& [full_name, tensor] : tensors.tensors)
    for (std::size_t k = 0; k < std::size(parts); ++k)
      if (full_name.starts_with(state_prefixes[k]))
        (*parts[k])[full_name.substr(state_prefixes[k].size())] = std::move(tensor);
  if (state.best_step >= 0 && fs::exists(folder_ / set_name(state.best_step)))
    swap_link("best", set_name(state.best_step));
  return state;
}

void CheckpointStore::swap_link(const std::string& link, const std::string& set) const {
  const fs::path aside = folder_ / (link + ".tmp");
  fs::remove(aside);
  fs::create_directory_symlink(set, aside);
  fs::rename(aside, folder_ / link);
  sync_folder(folder_);
}

void CheckpointStore::prune() const {
  std::set<fs::path> keep;
  for (const char* link : {"latest", "best"}) {
    std::error_code error;
    keep.insert(fs::read_symlink(folder_ / link, error));
  }
  for (const auto& entry : fs::directory_iterator(folder_))
    if (entry.path().filename().string().starts_with("step_") && !keep.contains(entry.path().filename()))
      fs::remove_all(entry.path());
}

}  // namespace scoresde
