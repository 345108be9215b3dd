#include "core/catalog.h"
#include "data/statistics.h"
#include "train/items.h"
#include "train/trainer.h"

namespace scoresde {

Dataset load_configured_data(const RunConfig& config) {
  LoadOptions options;
  options.resize = config.data.resize;
  options.most = static_cast<std::size_t>(config.data.most);
  return load_dataset(config.data.source, options);
}

RunConfig resolve_config(RunConfig config, const Dataset& data) {
  const bool classifies = find_entry("objective", objectives(), config.objective.name).classifies;
  if (classifies && data.labels.empty())
    fail(Failure::data, "objective {} needs labels; {} has none", config.objective.name, data.name);
  if (classifies && config.net.classes == 0) config.net.classes = data.classes();
  if (config.net.classes > 0 && data.labels.empty())
    fail(Failure::usage, "net.classes = {}, but {} has no labels", config.net.classes, data.name);
  if (config.net.classes > 0 && config.net.classes < data.classes())
    fail(Failure::usage, "net.classes = {}, but {} has {} classes", config.net.classes, data.name, data.classes());
  if (!data.shape.image && (config.data.flip || config.data.dequantise))
    fail(Failure::usage, "data.{} is for images; {} is a table", config.data.flip ? "flip" : "dequantise", data.name);
  config.sde = self_contained(config.sde);
  if (config.data_std == 0) config.data_std = measure_data_std(data);
  if (config.data_std == 0) fail(Failure::data, "all values of {} are the same: there is nothing to learn", data.name);
  if (config.sde.name == "ve" && config.sde.sigma_max == 0) config.sde.sigma_max = largest_distance(data).distance;
  return config;
}

}  // namespace scoresde
