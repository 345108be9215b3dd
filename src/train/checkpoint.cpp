#include "train/checkpoint.h"

#include <fcntl.h>
#include <unistd.h>

#include <set>

namespace scoresde {
namespace {

const std::string state_prefixes[] = {"weights/", "first_moments/", "second_moments/"};

// A rename is on disk when its folder is.
void sync_folder(const fs::path& folder) {
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;
  ::fsync(descriptor);
  ::close(descriptor);
}

Json counters_to_json(const TrainState& state) {
  Json json = {{"step", state.step},
               {"images", state.images},
               {"updates", state.updates},
               {"bad_steps", state.bad_steps},
               {"bad_in_row", state.bad_in_row},
               {"seconds", state.seconds},
               {"interval_loss", state.interval_loss},
               {"interval_norm", state.interval_norm},
               {"interval_updates", state.interval_updates},
               {"best_step", state.best_step},
               {"data_checksum", state.data_checksum},
               {"threads", state.threads},
               {"config", state.config}};
  if (state.best_step >= 0) json["best_validation"] = state.best_validation;
  return json;
}

TrainState counters_from_json(const fs::path& path) {
  TrainState state;
  try {
    const Json json = Json::parse(read_text(path));
    json.at("step").get_to(state.step);
    json.at("images").get_to(state.images);
    json.at("updates").get_to(state.updates);
    json.at("bad_steps").get_to(state.bad_steps);
    json.at("bad_in_row").get_to(state.bad_in_row);
    json.at("seconds").get_to(state.seconds);
    json.at("interval_loss").get_to(state.interval_loss);
    json.at("interval_norm").get_to(state.interval_norm);
    json.at("interval_updates").get_to(state.interval_updates);
    json.at("best_step").get_to(state.best_step);
    json.at("data_checksum").get_to(state.data_checksum);
    json.at("threads").get_to(state.threads);
    if (state.best_step >= 0) json.at("best_validation").get_to(state.best_validation);
    state.config = json.at("config");
  } catch (const Json::exception& error) {
    fail(Failure::data, "{} is no training state: {}", path.string(), error.what());
  }
  return state;
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
  const std::map<std::string, Tensor>* parts[] = {&state.weights, &state.first_moments, &state.second_moments};
  for (int k = 0; k < 3; ++k)
    for (const auto& [parameter, tensor] : *parts[k]) tensors.tensors[state_prefixes[k] + parameter] = tensor;
  write_safetensors(aside / "state.safetensors", tensors);
  write_atomically(aside / "state.json", counters_to_json(state).dump(1) + "\n");
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
  TrainState state = counters_from_json(set / "state.json");
  state.average = read_safetensors(set / "model.safetensors").tensors;
  Safetensors tensors = read_safetensors(set / "state.safetensors");
  std::map<std::string, Tensor>* parts[] = {&state.weights, &state.first_moments, &state.second_moments};
  for (auto& [full_name, tensor] : tensors.tensors)
    for (int k = 0; k < 3; ++k)
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
