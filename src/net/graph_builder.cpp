#include "net/graph_builder.h"

#include <algorithm>

#include "core/error.h"
#include "core/text.h"

namespace scoresde {
namespace {

constexpr double group_norm_epsilon = 1e-6;

int group_count(std::int64_t channels) {
  std::int64_t groups = std::clamp<std::int64_t>(channels / 4, 1, 32);
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

int GraphBuilder::label(double scale) {
  return push({.kind = OpKind::label, .name = "label", .shape = {1}, .scale = scale});
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

int GraphBuilder::conv_node(const std::string& name, int x, std::int64_t out, int kernel, int stride, Init init,
                            double scale) {
  require_rank("conv", x, 3);
  const int padding = kernel / 2;
  const auto extent = [&](std::int64_t n) { return (n + 2 * padding - kernel) / stride + 1; };
  const int weight = parameter(name + ".weight", {out, channels(x), kernel, kernel}, init, scale);
  const int bias = parameter(name + ".bias", {out}, Init::zeros, 0);
  return push({.kind = OpKind::conv,
               .name = name,
               .inputs = {x},
               .parameters = {weight, bias},
               .shape = {out, extent(shape(x)[1]), extent(shape(x)[2])},
               .stride = stride,
               .padding = padding,
               .kernel = kernel});
}

int GraphBuilder::conv(const std::string& name, int x, std::int64_t out, int kernel, double init_scale, int stride) {
  return conv_node(name, x, out, kernel, stride, Init::variance_scaling, init_scale);
}

int GraphBuilder::zero_conv(const std::string& name, int x, std::int64_t out, int kernel) {
  return conv_node(name, x, out, kernel, 1, Init::zeros, 0);
}

int GraphBuilder::group_norm(const std::string& name, int x) {
  require_rank("group_norm", x, 3);
  const int weight = parameter(name + ".weight", {channels(x)}, Init::ones, 1);
  const int bias = parameter(name + ".bias", {channels(x)}, Init::zeros, 0);
  return push({.kind = OpKind::group_norm,
               .name = name,
               .inputs = {x},
               .parameters = {weight, bias},
               .shape = shape(x),
               .groups = group_count(channels(x)),
               .scale = group_norm_epsilon});
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

int GraphBuilder::upsample(int x, std::int64_t height, std::int64_t width) {
  require_rank("upsample", x, 3);
  if ((height + 1) / 2 != shape(x)[1] || (width + 1) / 2 != shape(x)[2])
    fail(Failure::usage, "upsample: {} cannot become {} x {}", shape_text(shape(x)), height, width);
  return push({.kind = OpKind::upsample, .inputs = {x}, .shape = {channels(x), height, width}});
}

int GraphBuilder::downsample(int x) {
  require_rank("downsample", x, 3);
  return push({.kind = OpKind::downsample,
               .inputs = {x},
               .shape = {channels(x), (shape(x)[1] + 1) / 2, (shape(x)[2] + 1) / 2}});
}

int GraphBuilder::global_mean(int x) {
  require_rank("global_mean", x, 3);
  return push({.kind = OpKind::global_mean, .inputs = {x}, .shape = {channels(x)}});
}

int GraphBuilder::dropout(int x, double rate) {
  if (rate == 0) return x;
  if (!(rate > 0 && rate < 1)) fail(Failure::usage, "dropout: a rate of {} is outside [0, 1)", rate);
  return push({.kind = OpKind::dropout, .inputs = {x}, .shape = shape(x), .scale = rate});
}

int GraphBuilder::space_to_depth(int x, int patch) {
  require_rank("space_to_depth", x, 3);
  const auto& s = shape(x);
  if (patch < 1 || s[1] % patch != 0 || s[2] % patch != 0)
    fail(Failure::usage, "net.patch = {} does not divide a height of {} and a width of {}", patch, s[1], s[2]);
  return push({.kind = OpKind::space_to_depth,
               .inputs = {x},
               .shape = {s[0] * patch * patch, s[1] / patch, s[2] / patch},
               .patch = patch});
}

int GraphBuilder::depth_to_space(int x, int patch) {
  require_rank("depth_to_space", x, 3);
  const auto& s = shape(x);
  if (patch < 1 || s[0] % (patch * patch) != 0)
    fail(Failure::usage, "depth_to_space: {} channels are not a multiple of {}^2", s[0], patch);
  return push({.kind = OpKind::depth_to_space,
               .inputs = {x},
               .shape = {s[0] / (patch * patch), s[1] * patch, s[2] * patch},
               .patch = patch});
}

int GraphBuilder::fourier(const std::string& name, int label, std::int64_t dimension, double scale) {
  if (dimension < 2 || dimension % 2 != 0)
    fail(Failure::usage, "a Fourier embedding has an even dimension, not {} (net.channels)", dimension);
  const int weight = parameter(name + ".weight", {dimension / 2}, Init::normal, scale, false);
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

}  // namespace scoresde
