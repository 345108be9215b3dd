#include <algorithm>

#include "core/clock.h"
#include "nn/threads.h"
#include "train/learn.h"
#include "train/trainer.h"

namespace scoresde {

TrainForecast forecast_run(const RunConfig& config, const TrainOptions& options) {
  if (options.threads > 0) set_threads(options.threads);
  const Dataset data = load_configured_data(config);
  TrainForecast forecast;
  forecast.config = resolve_config(config, data);
  Training training(forecast.config, data);
  const Graph& graph = training.network().graph();
  forecast.parameters = graph.parameter_count();
  forecast.multiply_adds = graph.multiply_adds();
  forecast.items = static_cast<long long>(training.training_items());
  training.update();  // the first one pays for warming up
  const Stopwatch watch;
  training.update();
  forecast.seconds_per_step = watch.seconds();
  const double images_per_step = static_cast<double>(config.batch) * config.accumulation;
  forecast.images_per_second = images_per_step / forecast.seconds_per_step;
  double activations = 0;
  for (const Node& node : graph.nodes) {
    double size = 1;
    for (std::int64_t extent : node.shape) size *= static_cast<double>(extent);
    activations += size;
  }
  // Weights, gradient, two moments, average; every activation and its gradient; LibTorch itself.
  forecast.memory_bytes = 4.0 * 5 * static_cast<double>(forecast.parameters) + 4.0 * 2 * activations * config.batch +
                          static_cast<double>(data.pixels.size() + 4 * data.values.size()) + 200e6;
  const double by_images = static_cast<double>(config.budget.images) / forecast.images_per_second;
  const double by_time = 60 * config.budget.minutes;
  forecast.seconds = config.budget.images <= 0    ? by_time
                     : config.budget.minutes <= 0 ? by_images
                                                  : std::min(by_images, by_time);
  forecast.images = static_cast<long long>(forecast.seconds * forecast.images_per_second);
  return forecast;
}

}  // namespace scoresde
