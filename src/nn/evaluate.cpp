#include <ATen/ops/arange.h>
#include <ATen/ops/avg_pool2d.h>
#include <ATen/ops/bmm.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/elu.h>
#include <ATen/ops/embedding.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/group_norm.h>
#include <ATen/ops/leaky_relu.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/max_pool2d.h>
#include <ATen/ops/mean.h>
#include <ATen/ops/pixel_shuffle.h>
#include <ATen/ops/pixel_unshuffle.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/upsample_bilinear2d.h>
#include <ATen/ops/upsample_nearest2d.h>
#include <ATen/ops/var.h>
#include <ATen/ops/where.h>
#include <fmt/ranges.h>

#include <cmath>
#include <numbers>

#include "core/error.h"
#include "core/text.h"
#include "engine/simd_mask.h"
#include "nn/fir.h"
#include "nn/network.h"

namespace scoresde {
namespace {

struct Pass {
  std::span<const at::Tensor> parameters;
  const at::Tensor &x, &label, &class_label;
  const ForwardOptions& options;
  int classes;
  std::vector<at::Tensor> values;  // of the nodes so far; cleared after their last use

  const at::Tensor& in(const Node& node, std::size_t i) const {
    return values[static_cast<std::size_t>(node.inputs[i])];
  }
  const at::Tensor& parameter(const Node& node, std::size_t i) const {
    return parameters[static_cast<std::size_t>(node.parameters[i])];
  }
};

at::Tensor eval_label(const Pass& p, const Node& node) {
  at::Tensor label = node.log ? p.label.log() : p.label;
  if (node.scale != 1) label = label * node.scale;
  return node.offset == 0 ? label : label + node.offset;
}

at::Tensor eval_level(const at::Tensor& label, double top) {
  return label.detach().round().clamp(0, top).to(at::kLong);
}

at::Tensor eval_conv(const Pass& p, const Node& node) {
  const bool even = node.padding == node.padding_after;
  const std::int64_t padding = even ? node.padding : 0;
  const std::vector<std::int64_t> zeros = {node.padding, node.padding_after, node.padding, node.padding_after};
  return at::conv2d(even ? p.in(node, 0) : at::constant_pad_nd(p.in(node, 0), zeros), p.parameter(node, 0),
                    node.parameters.size() > 1 ? p.parameter(node, 1) : at::Tensor(), node.stride,
                    at::IntArrayRef(padding), node.dilation);
}

at::Tensor eval_nin(const Pass& p, const Node& node) {
  return at::conv2d(p.in(node, 0), p.parameter(node, 0).t().unsqueeze(-1).unsqueeze(-1), p.parameter(node, 1));
}

at::Tensor per_pixel(const at::Tensor& by_channel) { return by_channel.unsqueeze(-1).unsqueeze(-1); }

at::Tensor eval_instance_norm_plus(const Pass& p, const Node& node) {
  const at::Tensor& x = p.in(node, 0);
  const std::int64_t channels = node.shape[0];
  const bool sample = node.inputs.size() > 1;
  const auto affine = [&](std::int64_t part, std::size_t index) {
    return sample ? p.in(node, 1).narrow(1, part * channels, channels) : p.parameter(node, index);
  };
  const at::Tensor gamma = affine(0, 1), alpha = affine(1, 0), beta = affine(2, 2);
  const at::Tensor means = at::mean(x, {2, 3});
  const at::Tensor spread = at::var(means, at::IntArrayRef{1}, /*unbiased=*/!node.jax, /*keepdim=*/true);
  const at::Tensor z = (means - at::mean(means, {1}, true)) / (spread + node.scale).sqrt();
  const at::Tensor h = at::group_norm(x, channels, {}, {}, node.scale);
  return per_pixel(gamma) * (h + per_pixel(alpha * z)) + per_pixel(beta);
}

at::Tensor eval_modulate(const Pass& p, const Node& node) {
  const std::int64_t channels = node.shape[0];
  const at::Tensor &x = p.in(node, 0), &scale_shift = p.in(node, 1);
  const at::Tensor scale = scale_shift.narrow(1, 0, channels), shift = scale_shift.narrow(1, channels, channels);
  return (per_pixel(scale) + 1) * x + per_pixel(shift);
}

at::Tensor eval_divide_exp(const at::Tensor& x, const at::Tensor& exponent) {
  std::vector<std::int64_t> sizes(static_cast<std::size_t>(x.dim()), 1);
  sizes[0] = exponent.size(0);
  return x * (-exponent).exp().reshape(sizes);
}

at::Tensor eval_class_label(const Pass& p) {
  const auto integers = p.x.options().dtype(at::kLong).requires_grad(false);
  if (!p.class_label.defined()) return at::full({p.x.size(0)}, p.classes, integers);
  return at::where(p.class_label.lt(0), at::full({}, p.classes, integers), p.class_label);
}

at::Tensor eval_add(const at::Tensor& a, const at::Tensor& b, double scale) {
  const at::Tensor sum = a + (a.dim() == b.dim() ? b : per_pixel(b));
  return scale == 1 ? sum : sum * scale;
}

at::Tensor eval_attention(const Pass& p, const Node& node) {
  const at::Tensor& q = p.in(node, 0);
  const std::int64_t batch = q.size(0), pixels = node.shape[1] * node.shape[2], depth = node.shape[0] / node.heads;
  const auto heads_of = [&](const at::Tensor& x) { return x.reshape({batch * node.heads, depth, pixels}); };
  const double scale = 1 / std::sqrt(static_cast<double>(depth));
  const at::Tensor scores = at::bmm(heads_of(q).transpose(1, 2) * scale, heads_of(p.in(node, 1)));
  return at::bmm(heads_of(p.in(node, 2)), at::softmax(scores, -1).transpose(1, 2)).reshape(q.sizes());
}

at::Tensor sin_cos(const at::Tensor& angle) { return at::cat({angle.sin(), angle.cos()}, 1); }

at::Tensor eval_fourier(const at::Tensor& label, const at::Tensor& frequencies) {
  return sin_cos(label.unsqueeze(1) * (frequencies * (2 * std::numbers::pi)).unsqueeze(0));
}

at::Tensor eval_positional(const at::Tensor& label, const Node& node) {
  const std::int64_t dimension = node.shape[0], half = dimension / 2;
  const double step = -std::log(node.scale) / static_cast<double>(std::max<std::int64_t>(half - 1, 1));
  const at::Tensor index = at::arange(half, label.options().dtype(at::kDouble).requires_grad(false));
  const at::Tensor frequencies = (index * step).exp().to(label.scalar_type());
  at::Tensor features = sin_cos(label.unsqueeze(1) * frequencies.unsqueeze(0));
  if (dimension % 2 == 1) features = at::cat({features, at::full({label.size(0), 1}, 0, features.options())}, 1);
  return features;
}

at::Tensor eval_dropout(const Pass& p, const Node& node, std::uint32_t index) {
  const at::Tensor& x = p.in(node, 0);
  if (!p.options.training) return x;
  const auto rows = static_cast<std::size_t>(x.size(0));
  if (p.options.samples.size() != rows)
    fail(Failure::usage, "dropout needs the ids of {} samples and got {}", rows, p.options.samples.size());
  const std::int64_t channels = node.shape[0], pixels = element_count(node.shape) / channels;
  at::Tensor mask = at::empty({x.size(0), pixels, channels}, at::TensorOptions(at::kFloat));
  for (std::size_t i = 0; i < rows; ++i)
    simd::dropout_mask(philox_stream({.seed = p.options.seed,
                                      .purpose = Purpose::dropout,
                                      .sample = p.options.samples[i],
                                      .step = p.options.step,
                                      .draw = index}),
                       node.scale, mask.data_ptr<float>() + static_cast<std::int64_t>(i) * pixels * channels,
                       pixels * channels);
  const at::Tensor kept = mask.ne(0).transpose(1, 2).reshape(x.sizes());
  return x * (kept.to(x.device(), x.scalar_type()) * (1 / (1 - node.scale)));
}

at::Tensor eval_node(const Pass& p, const Node& node, std::uint32_t index) {
  switch (node.kind) {
    case OpKind::input:
      return p.x;
    case OpKind::label:
      return eval_label(p, node);
    case OpKind::class_label:
      return eval_class_label(p);
    case OpKind::linear:
      return at::linear(p.in(node, 0), p.parameter(node, 0), p.parameter(node, 1));
    case OpKind::conv:
      return eval_conv(p, node);
    case OpKind::nin:
      return eval_nin(p, node);
    case OpKind::group_norm:
      return at::group_norm(p.in(node, 0), node.groups, p.parameter(node, 0), p.parameter(node, 1), node.scale);
    case OpKind::instance_norm_plus:
      return eval_instance_norm_plus(p, node);
    case OpKind::modulate:
      return eval_modulate(p, node);
    case OpKind::silu:
      return at::silu(p.in(node, 0));
    case OpKind::elu:
      return at::elu(p.in(node, 0));
    case OpKind::leaky_relu:
      return at::leaky_relu(p.in(node, 0), node.scale);
    case OpKind::add:
      return eval_add(p.in(node, 0), p.in(node, 1), node.scale);
    case OpKind::concat:
      return at::cat({p.in(node, 0), p.in(node, 1)}, 1);
    case OpKind::attention:
      return eval_attention(p, node);
    case OpKind::upsample:
      return at::upsample_nearest2d(p.in(node, 0), {node.shape[1], node.shape[2]});
    case OpKind::downsample:
      return at::avg_pool2d(p.in(node, 0), 2, 2, 0, /*ceil_mode=*/true);
    case OpKind::bilinear:
      return at::upsample_bilinear2d(p.in(node, 0), {node.shape[1], node.shape[2]}, /*align_corners=*/!node.jax);
    case OpKind::fir:
      return filter_image(p.in(node, 0), node);
    case OpKind::max_pool:
      return at::max_pool2d(p.in(node, 0), node.kernel, 1, node.padding);
    case OpKind::divide_exp:
      return eval_divide_exp(p.in(node, 0), p.in(node, 1));
    case OpKind::global_mean:
      return at::mean(p.in(node, 0), {2, 3});
    case OpKind::fourier:
      return eval_fourier(p.in(node, 0), p.parameter(node, 0));
    case OpKind::positional:
      return eval_positional(p.in(node, 0), node);
    case OpKind::level:
      return eval_level(p.in(node, 0), node.scale);
    case OpKind::embedding:
      return at::embedding(p.parameter(node, 0), p.in(node, 0));
    case OpKind::dropout:
      return eval_dropout(p, node, index);
    case OpKind::space_to_depth:
      return at::pixel_unshuffle(p.in(node, 0), node.patch);
    case OpKind::depth_to_space:
      return at::pixel_shuffle(p.in(node, 0), node.patch);
  }
  fail(Failure::run, "an op of unknown kind");
}

// For each node the last one that reads it: its value can go then.
std::vector<std::size_t> last_readers(const Graph& graph) {
  std::vector<std::size_t> last(graph.nodes.size(), graph.nodes.size());
  for (std::size_t i = 0; i < graph.nodes.size(); ++i)
    for (const int input : graph.nodes[i].inputs) last[static_cast<std::size_t>(input)] = i;
  return last;
}

}  // namespace

void check_inputs(const Graph& graph, const at::Tensor& x, const at::Tensor& label, const at::Tensor& class_label) {
  const auto text = [](const at::Tensor& tensor) { return shape_text(tensor.sizes().vec()); };
  if (x.dim() < 1 || x.sizes().slice(1) != at::IntArrayRef(graph.input_shape))
    fail(Failure::usage, "the network takes (B, {}) and got {}", fmt::join(graph.input_shape, ", "), text(x));
  if (label.dim() != 1 || label.size(0) != x.size(0))
    fail(Failure::usage, "{} samples need as many time labels, not {}", x.size(0), text(label));
  if (class_label.defined() && (class_label.dim() != 1 || class_label.size(0) != x.size(0)))
    fail(Failure::usage, "{} samples need as many class labels, not {}", x.size(0), text(class_label));
}

at::Tensor evaluate(const Graph& graph, std::span<const at::Tensor> parameters, const at::Tensor& x,
                    const at::Tensor& label, const at::Tensor& class_label, const ForwardOptions& options) {
  check_inputs(graph, x, label, class_label);
  Pass pass{parameters, x, label, class_label, options, graph.classes, std::vector<at::Tensor>(graph.nodes.size())};
  const std::vector<std::size_t> last = last_readers(graph);
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    pass.values[i] = eval_node(pass, node, static_cast<std::uint32_t>(i));
    for (const int input : node.inputs)
      if (last[static_cast<std::size_t>(input)] == i) pass.values[static_cast<std::size_t>(input)] = at::Tensor();
  }
  return pass.values.back();
}

}  // namespace scoresde
