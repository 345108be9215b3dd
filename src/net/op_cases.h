#pragma once
#include <functional>
#include <span>
#include <vector>

#include "core/noise.h"
#include "net/graph_builder.h"

namespace scoresde {

/// A small graph that shows one kind of op; for the tests of everything that evaluates graphs.
struct OpCase {
  const char* name;
  std::vector<std::int64_t> input;
  std::function<void(GraphBuilder&)> write;
  std::vector<OpKind> kinds;  ///< what it shows
  int classes = 0;

  Graph graph() const {
    GraphBuilder b(input, classes);
    write(b);
    return std::move(b).finish();
  }
};

/// Numbers for inputs, labels (`positive`: a network may take their logarithm) and parameters: N(0, 1), one list for
/// each `which`.
inline std::vector<double> op_case_values(std::int64_t count, std::uint64_t which, bool positive = false) {
  std::vector<double> values(static_cast<std::size_t>(count));
  fill_normal({.seed = 11, .sample = which}, values);
  if (positive)
    for (double& value : values) value = 0.2 + std::abs(value);
  return values;
}

/// Every op, with sizes that are odd where that matters.
inline std::vector<OpCase> op_cases() {
  using B = GraphBuilder;
  return {
      {"linear", {3}, [](B& b) { b.linear("l", b.input(), 4); }, {OpKind::input, OpKind::linear}},
      {"conv", {2, 5, 4}, [](B& b) { b.conv("c", b.input(), 3); }, {OpKind::conv}},
      {"strided conv", {2, 5, 4}, [](B& b) { b.conv("c", b.input(), 3, 3, 1, 2); }, {OpKind::conv}},
      {"dilated conv", {2, 7, 6}, [](B& b) { b.conv("c", b.input(), 3, {.dilation = 2}); }, {OpKind::conv}},
      {"conv without bias, padded behind",
       {2, 6, 4},
       [](B& b) { b.conv("c", b.input(), 3, {.stride = 2, .before = 0, .after = 1, .bias = false}); },
       {OpKind::conv}},
      {"nin", {3, 4, 2}, [](B& b) { b.nin("n", b.input(), 5); }, {OpKind::nin}},
      {"group_norm", {8, 3, 2}, [](B& b) { b.group_norm("n", b.input()); }, {OpKind::group_norm}},
      {"instance_norm_plus",
       {4, 3, 2},
       [](B& b) { b.instance_norm_plus("n", b.input()); },
       {OpKind::instance_norm_plus}},
      {"instance_norm_plus by level",
       {4, 3, 2},
       [](B& b) { b.instance_norm_plus(b.input(), b.level_embedding("e", b.label(2), 3, 4)); },
       {OpKind::instance_norm_plus, OpKind::level, OpKind::embedding}},
      {"instance_norm_plus of JAX",
       {4, 3, 2},
       [](B& b) { b.instance_norm_plus("n", b.input(), true); },
       {OpKind::instance_norm_plus}},
      {"modulate",
       {4, 3, 2},
       [](B& b) { b.modulate(b.input(), b.linear("l", b.global_mean(b.input()), 8)); },
       {OpKind::modulate}},
      {"modulate by class",
       {4, 3, 2},
       [](B& b) { b.modulate(b.input(), b.embedding("e", b.class_label(), 8)); },
       {OpKind::modulate},
       3},
      {"silu", {5}, [](B& b) { b.silu(b.input()); }, {OpKind::silu}},
      {"elu", {3, 2, 2}, [](B& b) { b.elu(b.input()); }, {OpKind::elu}},
      {"relu", {3, 2, 2}, [](B& b) { b.leaky_relu(b.input(), 0); }, {OpKind::leaky_relu}},
      {"leaky_relu", {3, 2, 2}, [](B& b) { b.leaky_relu(b.input(), 0.2); }, {OpKind::leaky_relu}},
      {"add", {3, 2, 2}, [](B& b) { b.add(b.input(), b.silu(b.input()), 0.7); }, {OpKind::add}},
      {"add by channel",
       {3, 2, 2},
       [](B& b) { b.add(b.input(), b.global_mean(b.input())); },
       {OpKind::add, OpKind::global_mean}},
      {"concat", {3, 2, 2}, [](B& b) { b.concat(b.input(), b.silu(b.input())); }, {OpKind::concat}},
      {"attention",
       {4, 3, 2},
       [](B& b) {
         b.attention(b.conv("q", b.input(), 4, 1), b.conv("k", b.input(), 4, 1), b.conv("v", b.input(), 4, 1), 2);
       },
       {OpKind::attention}},
      {"upsample", {2, 3, 4}, [](B& b) { b.upsample(b.input(), 5, 8); }, {OpKind::upsample}},
      {"downsample", {2, 5, 4}, [](B& b) { b.downsample(b.input()); }, {OpKind::downsample}},
      {"bilinear", {2, 3, 4}, [](B& b) { b.bilinear(b.input(), 5, 8); }, {OpKind::bilinear}},
      {"bilinear of JAX", {2, 3, 4}, [](B& b) { b.bilinear(b.input(), 5, 8, true); }, {OpKind::bilinear}},
      {"bilinear to a row", {2, 3, 4}, [](B& b) { b.bilinear(b.input(), 1, 7); }, {OpKind::bilinear}},
      {"fir down",
       {2, 6, 4},
       [](B& b) {
         b.fir(b.input(), {1, 3, 3, 1}, 1, 2, 1, 1);
       },
       {OpKind::fir}},
      {"fir up",
       {2, 3, 4},
       [](B& b) {
         b.fir(b.input(), {1, 3, 3, 1}, 2, 1, 2, 1);
       },
       {OpKind::fir}},
      {"fir before a convolution",
       {2, 3, 4},
       [](B& b) {
         b.fir(b.input(), {1, 3, 3, 1}, 2, 1, 3, 2);
       },
       {OpKind::fir}},
      {"fir, not symmetric",
       {2, 5, 4},
       [](B& b) {
         b.fir(b.input(), {1, 2, 5}, 1, 1, 2, 0);
       },
       {OpKind::fir}},
      {"max_pool", {2, 6, 4}, [](B& b) { b.max_pool(b.input(), 5); }, {OpKind::max_pool}},
      {"divide_exp", {2, 3, 2}, [](B& b) { b.divide_exp(b.input(), b.label(0.5, 0.1)); }, {OpKind::divide_exp}},
      {"fourier",
       {4},
       [](B& b) { b.add(b.fourier("f", b.label(2), 4, 1), b.input()); },
       {OpKind::fourier, OpKind::label}},
      {"fourier of a logarithm",
       {4},
       [](B& b) { b.add(b.fourier("f", b.label(0.5, 0.3, true), 4, 1), b.input()); },
       {OpKind::fourier, OpKind::label}},
      {"positional", {5}, [](B& b) { b.add(b.positional(b.label(), 5), b.input()); }, {OpKind::positional}},
      {"embedding",
       {4},
       [](B& b) { b.add(b.embedding("e", b.class_label(), 4), b.input()); },
       {OpKind::embedding, OpKind::class_label},
       3},
      {"dropout", {6}, [](B& b) { b.dropout(b.input(), 0.3); }, {OpKind::dropout}},
      {"space_to_depth", {2, 4, 6}, [](B& b) { b.space_to_depth(b.input(), 2); }, {OpKind::space_to_depth}},
      {"depth_to_space", {8, 2, 3}, [](B& b) { b.depth_to_space(b.input(), 2); }, {OpKind::depth_to_space}},
  };
}

}  // namespace scoresde
