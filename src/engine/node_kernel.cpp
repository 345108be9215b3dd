#include "engine/node_kernel.h"

#include "core/error.h"
#include "engine/resampling.h"

namespace scoresde {

ConvShape conv_shape(const Graph& graph, const Node& node) {
  if (node.shape.size() != 3 || node.inputs.empty()) return {1, 1, 1, 1};
  const auto& in = graph.nodes[static_cast<std::size_t>(node.inputs[0])].shape;
  return {in[1], in[2], node.shape[1], node.shape[2], node.kernel, node.stride, node.padding, node.dilation};
}

KernelPtr make_node(const Graph& graph, const Node& n, const Weights& weights,
                    const std::function<Place(std::size_t)>& x, const Place& y) {
  const auto weight = [&](std::size_t k) { return weights(n.parameters[k]); };
  const ConvShape shape = conv_shape(graph, n);
  switch (n.kind) {
    case OpKind::label:
      return make_label(n.scale, n.offset, n.log, x(0), y);
    case OpKind::class_label:
      return make_copy(x(0), y);
    case OpKind::group_norm:
      return make_group_norm(n.groups, weight(0), weight(1), n.scale, false, x(0), y);
    case OpKind::instance_norm_plus: {
      if (n.inputs.size() == 1)
        return make_instance_norm_plus(weight(1), weight(0), weight(2), nullptr, n.scale, n.jax, x(0), y);
      const Place affine = x(1);
      return make_instance_norm_plus(nullptr, nullptr, nullptr, &affine, n.scale, n.jax, x(0), y);
    }
    case OpKind::modulate:
      return make_modulate(x(0), x(1), y);
    case OpKind::silu:
      return make_activation(simd::Activation::silu, 0, x(0), y);
    case OpKind::elu:
      return make_activation(simd::Activation::elu, 0, x(0), y);
    case OpKind::leaky_relu:
      return make_activation(simd::Activation::leaky_relu, n.scale, x(0), y);
    case OpKind::add:
      return make_add(x(0), x(1), n.scale, y);
    case OpKind::attention:
      return make_attention(n.heads, x(0), x(1), x(2), y);
    case OpKind::upsample:
    case OpKind::downsample:
    case OpKind::bilinear:
    case OpKind::fir:
      return make_resampling(resampling_of(n, shape.in_height, shape.in_width), x(0), {y});
    case OpKind::max_pool:
      return make_max_pool(shape, x(0), y);
    case OpKind::global_mean:
      return make_global_mean(x(0), y);
    case OpKind::divide_exp:
      return make_divide_exp(x(0), x(1), y);
    case OpKind::fourier:
      return make_fourier(weight(0), x(0), y);
    case OpKind::positional:
      return make_positional(n.scale, x(0), y);
    case OpKind::level:
      return make_level(n.scale, x(0), y);
    case OpKind::embedding:
      return make_embedding(weight(0), graph.parameters[static_cast<std::size_t>(n.parameters[0])].shape[0], x(0), y);
    case OpKind::space_to_depth:
      return make_space_to_depth(n.shape[1], n.shape[2], n.patch, x(0), y);
    case OpKind::depth_to_space:
      return make_depth_to_space(shape.in_height, shape.in_width, n.patch, x(0), y);
    case OpKind::input:
    case OpKind::linear:
    case OpKind::conv:
    case OpKind::nin:
    case OpKind::concat:
    case OpKind::dropout:
      break;
  }
  fail(Failure::run, "the op '{}' is no step by itself", kind_name(n.kind));
}

}  // namespace scoresde
