#include <cmath>

#include "core/catalog.h"
#include "core/digest.h"
#include "core/noise.h"
#include "engine/engine.h"
#include "features/features.h"
#include "net/graph_builder.h"
#include "net/model.h"
#include "net/preconditioning.h"
#include "sde/sde.h"

namespace scoresde {
namespace {

constexpr std::uint64_t kRandomFeatureSeed = 2020;  // part of the definition: never change

/// A network of the engine whose output is the features.
class EngineFeatures : public FeatureSpace {
 public:
  EngineFeatures(Graph graph, const std::map<std::string, Tensor>& weights, int threads, double input, double label)
      : engine_(std::move(graph), weights, threads), input_(input), label_(label) {}

  Batch operator()(const Batch& items) const override {
    return engine_(items * input_, times_of(items.rows(), label_));
  }
  Index dimension() const override { return static_cast<Index>(element_count(engine_.graph().output_shape())); }

 private:
  Engine engine_;
  double input_, label_;  // what the network is given: x times this, and this time label
};

int rectified_conv(GraphBuilder& b, const std::string& name, int x, std::int64_t out, int stride) {
  return b.leaky_relu(b.conv(name, x, out, {.kernel = 3, .stride = stride, .before = 1, .after = 1}), 0);
}

/// Three levels of two convolutions, 32, 64 and 64 channels wide; every level's channel means are features.
Graph random_graph(const ItemShape& shape) {
  GraphBuilder b({shape.channels, shape.height, shape.width});
  int h = rectified_conv(b, "0.0", b.input(), 32, 1);
  h = rectified_conv(b, "0.1", h, 32, 1);
  const int first = b.global_mean(h);
  h = rectified_conv(b, "1.0", h, 64, 2);
  h = rectified_conv(b, "1.1", h, 64, 1);
  const int second = b.global_mean(h);
  h = rectified_conv(b, "2.0", h, 64, 2);
  h = rectified_conv(b, "2.1", h, 64, 1);
  b.concat(b.concat(first, second), b.global_mean(h));
  return std::move(b).finish();
}

/// N(0, 2 / fan_in) (He et al. 2015), biases N(0, 0.1^2): without them a grey level and its negative would look alike.
std::map<std::string, Tensor> random_weights(const Graph& graph) {
  std::map<std::string, Tensor> weights;
  for (std::size_t k = 0; k < graph.parameters.size(); ++k) {
    const Parameter& parameter = graph.parameters[k];
    std::vector<float> values(static_cast<std::size_t>(element_count(parameter.shape)));
    fill_normal({.seed = kRandomFeatureSeed, .purpose = Purpose::weights, .sample = k}, values);
    const auto fan_in = static_cast<float>(element_count(parameter.shape) / parameter.shape[0]);
    const float scale = parameter.shape.size() > 1 ? std::sqrt(2 / fan_in) : 0.1f;
    for (float& value : values) value *= scale;
    weights[parameter.name] = Tensor::of(parameter.shape, std::span<const float>(values));
  }
  return weights;
}

std::string weights_digest(const std::map<std::string, Tensor>& weights) {
  Digest digest;
  for (const auto& [name, tensor] : weights) {
    digest.add(name);
    digest.add(tensor.bytes);
  }
  return digest.hex();
}

/// The network without what stands behind node `last`.
Graph up_to(Graph graph, int last) {
  graph.nodes.resize(static_cast<std::size_t>(last) + 1);
  return graph;
}

}  // namespace

Features make_random_features(const FeatureRequest& request) {
  const ItemShape& shape = request.real.shape;
  if (std::min(shape.height, shape.width) < 4)
    fail(Failure::usage, "features random: pictures of {}; at least 4 x 4 pixels are needed", to_text(shape));
  Graph graph = random_graph(shape);
  const auto weights = random_weights(graph);
  return {std::make_unique<EngineFeatures>(std::move(graph), weights, request.threads, 1, 0),
          {"random", weights_digest(weights), "none"}};
}

Features make_classifier_features(const FeatureRequest& request) {
  const Model model = read_model(request.file);
  if (!(model.spec.shape == request.real.shape))
    fail(Failure::data, "features classifier: {} is of items of {}, and {} has {}", request.file,
         to_text(model.spec.shape), request.real.name, to_text(request.real.shape));
  const Graph graph = build_net(model.spec.net, model.spec.shape);
  const Node& last = graph.nodes.back();
  if (graph.gives_score() || last.kind != OpKind::linear)
    fail(Failure::usage, "features classifier: {} is a {}, not a classifier", request.file, model.spec.net.name);
  const auto sde = make_sde(model.spec.sde);
  const Preconditioning c =
      find_entry("prediction", predictions(), model.spec.net.prediction).make(*sde, sde->t_min(), model.spec.data_std);
  return {
      std::make_unique<EngineFeatures>(up_to(graph, last.inputs[0]), model.weights, request.threads, c.input, c.label),
      {"classifier", model.hash, "none"}};
}

}  // namespace scoresde
