#include <ATen/ops/full.h>

#include <algorithm>

#include "core/clock.h"
#include "nn/threads.h"
#include "train/learn.h"
#include "train/trainer.h"

namespace scoresde {
namespace {

// Multiply-adds of what is measured: some seconds on two cores.
constexpr double affordable = 2e11;
constexpr double backward_too = 3;  // a step costs its forward pass three times

double measured_step(const RunConfig& config, const Dataset& data) {
  Training training(config, data);
  training.update();  // the first one pays for warming up
  const Stopwatch watch;
  training.update();
  return watch.seconds();
}

bool halves_once_more(const NetConfig& net, const ItemShape& shape) {
  const int unit = 2 << net.channel_mult.size();
  return shape.image && shape.height % unit == 0 && shape.width % unit == 0;
}

// Of one item, forwards and backwards, from an item so small that it takes seconds; the optimiser's part is lost beside
// that.
double measured_item(const RunConfig& config, ItemShape shape, double multiply_adds) {
  Graph graph = build_net(config.net, shape);
  while (backward_too * static_cast<double>(graph.multiply_adds()) > affordable &&
         halves_once_more(config.net, shape)) {
    shape.height /= 2;
    shape.width /= 2;
    graph = build_net(config.net, shape);
  }
  const bool by_engine = trains_on_engine(config, graph);
  const std::int64_t rows = by_engine ? 2 * threads() : 1;  // the engine gives every thread items of its own
  const double share = multiply_adds / static_cast<double>(graph.multiply_adds()) / static_cast<double>(rows);
  std::vector<std::int64_t> sizes = graph.input_shape;
  sizes.insert(sizes.begin(), rows);
  Network network(std::move(graph), 0);
  EngineNetwork engine(network.graph(), threads());
  const at::Tensor x = at::full(sizes, 0.5, at::TensorOptions(at::kFloat)), label = at::full({rows}, 0.5, x.options());
  double seconds = 0;
  for (int pass = 0; pass < 2; ++pass) {  // the first one pays for warming up
    const Stopwatch watch;
    const at::Tensor y = by_engine ? engine(network.parameters(), x, label, {}, {}) : network.forward(x, label);
    y.square().mean().backward();
    seconds = watch.seconds();
  }
  return seconds * share;
}

// Of the values that a pass keeps for its derivative: with LibTorch every activation and its gradient.
double pass_memory(const RunConfig& config, const Graph& graph) {
  if (trains_on_engine(config, graph)) return EngineNetwork::memory_bytes(graph, config.batch, threads());
  double count = 0;
  for (const Node& node : graph.nodes) count += static_cast<double>(element_count(node.shape));
  return 4.0 * 2 * count * config.batch;
}

}  // namespace

TrainForecast forecast_run(const RunConfig& config, const TrainOptions& options) {
  if (options.threads > 0) set_threads(options.threads);
  const Dataset data = load_configured_data(config);
  TrainForecast forecast;
  forecast.config = resolve_config(config, data);
  const Graph graph = build_net(forecast.config.net, data.shape);
  forecast.parameters = graph.parameter_count();
  forecast.multiply_adds = graph.multiply_adds();
  forecast.items = static_cast<long long>(
      split_items(data.count, static_cast<std::size_t>(config.validation.items)).training.size());
  const auto sde = make_sde(forecast.config.sde);
  const auto truth = truth_of(forecast.config, data, *sde);
  make_objective(forecast.config.objective, *sde, truth.get());  // refuses what does not fit together
  const double images_per_step = static_cast<double>(config.batch) * config.accumulation;
  const double an_item = static_cast<double>(forecast.multiply_adds);
  forecast.seconds_per_step = backward_too * an_item * images_per_step < affordable
                                  ? measured_step(forecast.config, data)
                                  : measured_item(forecast.config, data.shape, an_item) * images_per_step;
  forecast.images_per_second = images_per_step / forecast.seconds_per_step;
  // Weights, gradient, two moments, average; what a pass keeps; LibTorch itself.
  forecast.memory_bytes = 4.0 * 5 * static_cast<double>(forecast.parameters) + pass_memory(forecast.config, graph) +
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
