#include "core/error.h"
#include "net/builders.h"
#include "net/unet_blocks.h"

namespace scoresde {
namespace {

Graph image_energy(const NetConfig& config, const ItemShape& shape) {
  GraphBuilder b({shape.channels, shape.height, shape.width}, config.classes);
  const int time = time_embedding(b, config, config.classes > 0 ? b.class_label() : -1);
  b.zero_linear("out", pooled_encoder(b, config, time), 1);
  return std::move(b).finish();
}

}  // namespace

Graph build_classifier(const NetConfig& config, const ItemShape& shape) {
  if (config.classes < 2)
    fail(Failure::usage, "net.classes = {}: a classifier tells at least 2 classes apart", config.classes);
  if (!shape.image) return build_mlp_classifier(config, shape);
  GraphBuilder b({shape.channels, shape.height, shape.width});
  b.linear("out", pooled_encoder(b, config, time_embedding(b, config)), config.classes);
  return std::move(b).finish();
}

Graph build_energy(const NetConfig& config, const ItemShape& shape) {
  Graph graph = shape.image ? image_energy(config, shape) : build_mlp_energy(config, shape);
  graph.energy = true;
  return graph;
}

}  // namespace scoresde
