#include "net/graph.h"

#include <numeric>

namespace scoresde {

std::string_view kind_name(OpKind kind) {
  switch (kind) {
    case OpKind::input:
      return "input";
    case OpKind::label:
      return "label";
    case OpKind::class_label:
      return "class_label";
    case OpKind::linear:
      return "linear";
    case OpKind::conv:
      return "conv";
    case OpKind::nin:
      return "nin";
    case OpKind::group_norm:
      return "group_norm";
    case OpKind::instance_norm_plus:
      return "instance_norm_plus";
    case OpKind::modulate:
      return "modulate";
    case OpKind::silu:
      return "silu";
    case OpKind::elu:
      return "elu";
    case OpKind::leaky_relu:
      return "leaky_relu";
    case OpKind::add:
      return "add";
    case OpKind::concat:
      return "concat";
    case OpKind::attention:
      return "attention";
    case OpKind::upsample:
      return "upsample";
    case OpKind::downsample:
      return "downsample";
    case OpKind::bilinear:
      return "bilinear";
    case OpKind::fir:
      return "fir";
    case OpKind::max_pool:
      return "max_pool";
    case OpKind::global_mean:
      return "global_mean";
    case OpKind::divide_exp:
      return "divide_exp";
    case OpKind::fourier:
      return "fourier";
    case OpKind::positional:
      return "positional";
    case OpKind::level:
      return "level";
    case OpKind::embedding:
      return "embedding";
    case OpKind::dropout:
      return "dropout";
    case OpKind::space_to_depth:
      return "space_to_depth";
    case OpKind::depth_to_space:
      return "depth_to_space";
  }
  return "?";
}

std::int64_t element_count(const std::vector<std::int64_t>& shape) {
  return std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>());
}

std::int64_t Graph::parameter_count() const {
  std::int64_t count = 0;
  for (const Parameter& parameter : parameters) count += element_count(parameter.shape);
  return count;
}

std::int64_t Graph::multiply_adds() const {
  std::int64_t count = 0;
  for (const Node& node : nodes) {
    if (node.kind == OpKind::conv || node.kind == OpKind::linear || node.kind == OpKind::nin) {
      const auto& weight = parameters[static_cast<std::size_t>(node.parameters[0])].shape;
      const std::int64_t outputs = node.kind == OpKind::nin ? weight[1] : weight[0];
      count += element_count(node.shape) * (element_count(weight) / outputs);
    } else if (node.kind == OpKind::attention) {
      const std::int64_t pixels = node.shape[1] * node.shape[2];
      count += 2 * node.shape[0] * pixels * pixels;
    }
  }
  return count;
}

}  // namespace scoresde
