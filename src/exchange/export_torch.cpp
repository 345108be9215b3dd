#include "exchange/export_model.h"
#include "exchange/torch_write.h"

namespace scoresde {

void export_torch(const fs::path& path, const ModelSpec& spec, const ExportedWeights& weights) {
  const Graph graph = build_net(spec.net, spec.shape);
  const auto& raw = weights.raw.empty() ? weights.average : weights.raw;
  check_weights(graph, raw, "the model");
  check_weights(graph, weights.average, "the model");
  const bool song =
      spec.net.name != "unet" && !graph.parameters.empty() && graph.parameters.front().name.starts_with("all_modules.");
  TorchCheckpoint checkpoint;
  for (const Parameter& parameter : graph.parameters) {
    checkpoint.model.emplace_back((song ? "module." : "") + parameter.name, &raw.at(parameter.name));
    if (parameter.trainable) checkpoint.average.push_back(&weights.average.at(parameter.name));
  }
  checkpoint.decay = weights.decay;
  checkpoint.updates = checkpoint.step = weights.step;
  checkpoint.spec = shown(to_json(spec));
  const std::vector<std::uint8_t> bytes = torch_checkpoint_bytes(checkpoint);
  write_atomically(path, std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
}

}  // namespace scoresde
