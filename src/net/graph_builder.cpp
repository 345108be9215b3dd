#include "net/graph_builder.h"

#include <algorithm>

#include "core/error.h"
#include "core/text.h"

namespace scoresde {
namespace {

constexpr double group_norm_epsilon = 1e-6, instance_norm_epsilon = 1e-5;

int group_count(std::int64_t channels, int most) {
  std::int64_t groups =
      most > 0 ? std::min<std::int64_t>(channels, most) : std::clamp<std::int64_t>(channels / 4, 1, 32);
  while (channels % groups != 0) --groups;
  return static_cast<int>(groups);
}

}  // namespace

GraphBuilder::GraphBuilder(std::vector<std::int64_t> input_shape, int classes) {
  graph_.input_shape = input_shape;
  graph_.classes = classes;
  push({.kind = OpKind::input, .name = "input", .shape = std::move(input_shape)});
}

int GraphBuilder::push(Node node) {
  if (node.name.empty()) node.name = kind_name(node.kind);
  for (const std::int64_t extent : node.shape)
    if (extent < 1) fail(Failure::usage, "{}: the result would have the shape {}", node.name, shape_text(node.shape));
  graph_.nodes.push_back(std::move(node));
  return static_cast<int>(graph_.nodes.size()) - 1;
}

int GraphBuilder::parameter(std::string name, std::vector<std::int64_t> shape, Init init, double scale,
                            bool trainable) {
  for (const Parameter& other : graph_.parameters)
    if (other.name == name) fail(Failure::usage, "two parameters are called '{}'", name);
  graph_.parameters.push_back({std::move(name), std::move(shape), init, scale, trainable});
  return static_cast<int>(graph_.parameters.size()) - 1;
}

void GraphBuilder::require_rank(std::string_view op, int x, std::size_t rank) const {
  if (shape(x).size() != rank)
    fail(Failure::usage, "{} needs {}, not {}", op, rank == 3 ? "(C, H, W)" : "(D)", shape_text(shape(x)));
}

int GraphBuilder::label(double scale, double offset, bool log) {
  return push({.kind = OpKind::label, .name = "label", .shape = {1}, .scale = scale, .offset = offset, .log = log});
}

int GraphBuilder::class_label() {
  if (graph_.classes < 1) fail(Failure::usage, "a network without classes has no class label");
  return push({.kind = OpKind::class_label, .name = "class_label", .shape = {1}});
}

int GraphBuilder::linear_node(const std::string& name, int x, std::int64_t out, Init init, double scale) {
  require_rank("linear", x, 1);
  const int weight = parameter(name + ".weight", {out, channels(x)}, init, scale);
  const int bias = parameter(name + ".bias", {out}, Init::zeros, 0);
  return push({.kind = OpKind::linear, .name = name, .inputs = {x}, .parameters = {weight, bias}, .shape = {out}});
}

int GraphBuilder::linear(const std::string& name, int x, std::int64_t out, double init_scale) {
  return linear_node(name, x, out, Init::variance_scaling, init_scale);
}

int GraphBuilder::zero_linear(const std::string& name, int x, std::int64_t out) {
  return linear_node(name, x, out, Init::zeros, 0);
}

int GraphBuilder::conv(const std::string& name, int x, std::int64_t out, const ConvForm& form) {
  require_rank("conv", x, 3);
  const int reach = form.dilation * (form.kernel - 1);
  const int before = form.before < 0 ? reach / 2 : form.before, after = form.after < 0 ? reach / 2 : form.after;
  const auto extent = [&](std::int64_t n) {
    const std::int64_t room = n + before + after - reach - 1;
    return room < 0 ? 0 : room / form.stride + 1;
  };
  std::vector<int> parameters = {
      parameter(name + ".weight", {out, channels(x), form.kernel, form.kernel}, form.init, form.scale)};
  if (form.bias) parameters.push_back(parameter(name + ".bias", {out}, form.bias_init, form.bias_scale));
  return push({.kind = OpKind::conv,
               .name = name,
               .inputs = {x},
               .parameters = std::move(parameters),
               .shape = {out, extent(shape(x)[1]), extent(shape(x)[2])},
               .stride = form.stride,
               .padding = before,
               .padding_after = after,
               .dilation = form.dilation,
               .kernel = form.kernel});
}

int GraphBuilder::conv(const std::string& name, int x, std::int64_t out, int kernel, double init_scale, int stride) {
  return conv(name, x, out, {.kernel = kernel, .stride = stride, .scale = init_scale});
}

int GraphBuilder::zero_conv(const std::string& name, int x, std::int64_t out, int kernel) {
  return conv(name, x, out, {.kernel = kernel, .init = Init::zeros});
}

int GraphBuilder::nin(const std::string& name, int x, std::int64_t out, double init_scale) {
  require_rank("nin", x, 3);
  const int weight = parameter(name + ".W", {channels(x), out}, Init::variance_scaling, init_scale);
  const int bias = parameter(name + ".b", {out}, Init::zeros, 0);
  return push({.kind = OpKind::nin,
               .name = name,
               .inputs = {x},
               .parameters = {weight, bias},
               .shape = {out, shape(x)[1], shape(x)[2]}});
}

int GraphBuilder::group_norm(const std::string& name, int x, int most) {
  require_rank("group_norm", x, 3);
  const int weight = parameter(name + ".weight", {channels(x)}, Init::ones, 1);
  const int bias = parameter(name + ".bias", {channels(x)}, Init::zeros, 0);
  return push({.kind = OpKind::group_norm,
               .name = name,
               .inputs = {x},
               .parameters = {weight, bias},
               .shape = shape(x),
               .groups = group_count(channels(x), most),
               .scale = group_norm_epsilon});
}

int GraphBuilder::instance_norm_plus(const std::string& name, int x, bool jax) {
  require_rank("instance_norm_plus", x, 3);
  if (channels(x) < 2) fail(Failure::usage, "{}: InstanceNorm++ needs at least 2 channels", name);
  const std::vector<std::int64_t> each = {channels(x)};
  std::vector<int> parameters = {parameter(name + ".alpha", each, Init::near_one, 0.02),
                                 parameter(name + ".gamma", each, Init::near_one, 0.02),
                                 parameter(name + ".beta", each, Init::zeros, 0)};
  return push({.kind = OpKind::instance_norm_plus,
               .name = name,
               .inputs = {x},
               .parameters = std::move(parameters),
               .shape = shape(x),
               .scale = instance_norm_epsilon,
               .jax = jax});
}

int GraphBuilder::instance_norm_plus(int x, int affine, bool jax) {
  require_rank("instance_norm_plus", x, 3);
  if (channels(x) < 2 || shape(affine) != std::vector<std::int64_t>{3 * channels(x)})
    fail(Failure::usage, "instance_norm_plus: {} and {} do not fit", shape_text(shape(x)), shape_text(shape(affine)));
  return push({.kind = OpKind::instance_norm_plus,
               .inputs = {x, affine},
               .shape = shape(x),
               .scale = instance_norm_epsilon,
               .jax = jax});
}

int GraphBuilder::modulate(int x, int scale_shift) {
  require_rank("modulate", x, 3);
  if (shape(scale_shift) != std::vector<std::int64_t>{2 * channels(x)})
    fail(Failure::usage, "modulate: {} and {} do not fit", shape_text(shape(x)), shape_text(shape(scale_shift)));
  return push({.kind = OpKind::modulate, .inputs = {x, scale_shift}, .shape = shape(x)});
}

int GraphBuilder::elu(int x) { return push({.kind = OpKind::elu, .inputs = {x}, .shape = shape(x)}); }

int GraphBuilder::leaky_relu(int x, double slope) {
  return push({.kind = OpKind::leaky_relu, .inputs = {x}, .shape = shape(x), .scale = slope});
}

int GraphBuilder::silu(int x) { return push({.kind = OpKind::silu, .inputs = {x}, .shape = shape(x)}); }

int GraphBuilder::add(int a, int b, double scale) {
  const bool per_channel = shape(a).size() == 3 && shape(b).size() == 1 && channels(a) == channels(b);
  if (shape(a) != shape(b) && !per_channel)
    fail(Failure::usage, "add: {} and {} do not fit", shape_text(shape(a)), shape_text(shape(b)));
  return push({.kind = OpKind::add, .inputs = {a, b}, .shape = shape(a), .scale = scale});
}

int GraphBuilder::concat(int a, int b) {
  std::vector<std::int64_t> result = shape(a);
  result[0] = channels(b);
  if (result != shape(b))
    fail(Failure::usage, "concat: {} and {} do not fit", shape_text(shape(a)), shape_text(shape(b)));
  result[0] = channels(a) + channels(b);
  return push({.kind = OpKind::concat, .inputs = {a, b}, .shape = std::move(result)});
}

int GraphBuilder::attention(int q, int k, int v, int heads) {
  require_rank("attention", q, 3);
  if (shape(q) != shape(k) || shape(q) != shape(v))
    fail(Failure::usage, "attention: q {}, k {} and v {} differ", shape_text(shape(q)), shape_text(shape(k)),
         shape_text(shape(v)));
  if (heads < 1 || channels(q) % heads != 0)
    fail(Failure::usage, "attention: {} channels cannot be divided among {} heads (net.heads)", channels(q), heads);
  return push({.kind = OpKind::attention, .inputs = {q, k, v}, .shape = shape(q), .heads = heads});
}

int GraphBuilder::global_mean(int x) {
  require_rank("global_mean", x, 3);
  return push({.kind = OpKind::global_mean, .inputs = {x}, .shape = {channels(x)}});
}

int GraphBuilder::divide_exp(int x, int exponent) {
  if (shape(exponent) != std::vector<std::int64_t>{1})
    fail(Failure::usage, "divide_exp: the exponent is {} and not one number a sample", shape_text(shape(exponent)));
  return push({.kind = OpKind::divide_exp, .inputs = {x, exponent}, .shape = shape(x)});
}

int GraphBuilder::dropout(int x, double rate) {
  if (rate == 0) return x;
  if (!(rate > 0 && rate < 1)) fail(Failure::usage, "dropout: a rate of {} is outside [0, 1)", rate);
  return push({.kind = OpKind::dropout, .inputs = {x}, .shape = shape(x), .scale = rate});
}

int GraphBuilder::fourier(const std::string& name, int label, std::int64_t dimension, double scale,
                          const std::string& suffix) {
  if (dimension < 2 || dimension % 2 != 0)
    fail(Failure::usage, "a Fourier embedding has an even dimension, not {} (net.channels)", dimension);
  const int weight = parameter(name + suffix, {dimension / 2}, Init::normal, scale, false);
  return push({.kind = OpKind::fourier, .name = name, .inputs = {label}, .parameters = {weight}, .shape = {dimension}});
}

int GraphBuilder::positional(int label, std::int64_t dimension, double largest) {
  if (dimension < 2)
    fail(Failure::usage, "a positional embedding of dimension {} is too small (net.channels)", dimension);
  return push({.kind = OpKind::positional, .inputs = {label}, .shape = {dimension}, .scale = largest});
}

int GraphBuilder::embedding(const std::string& name, int class_label, std::int64_t dimension) {
  const int table = parameter(name + ".weight", {graph_.classes + 1, dimension}, Init::normal, 1);
  return push(
      {.kind = OpKind::embedding, .name = name, .inputs = {class_label}, .parameters = {table}, .shape = {dimension}});
}

int GraphBuilder::level_embedding(const std::string& name, int label, int levels, std::int64_t channels) {
  const int table = parameter(name + ".weight", {levels, 3 * channels}, Init::norm_table, 0.02);
  const int level = push({.kind = OpKind::level, .inputs = {label}, .shape = {1}, .scale = levels - 1.0});
  return push(
      {.kind = OpKind::embedding, .name = name, .inputs = {level}, .parameters = {table}, .shape = {3 * channels}});
}

}  // namespace scoresde
