#include "nn/dense.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "nn/dense_kernels.h"

namespace scoresde {
namespace {

int padded_width(std::int64_t width) { return static_cast<int>((width + dense_lanes - 1) / dense_lanes) * dense_lanes; }

const float* floats(const at::Tensor& tensor) { return tensor.data_ptr<float>(); }

// weight (out, in) as (in, padded out) or, transposed, (out, padded in).
std::vector<float> packed_weight(const at::Tensor& weight, bool transposed) {
  const auto out = static_cast<int>(weight.size(0)), in = static_cast<int>(weight.size(1));
  const int stride = padded_width(transposed ? in : out);
  std::vector<float> result(static_cast<std::size_t>(transposed ? out : in) * static_cast<std::size_t>(stride));
  for (int o = 0; o < out; ++o)
    for (int i = 0; i < in; ++i)
      result[static_cast<std::size_t>(transposed ? o * stride + i : i * stride + o)] = floats(weight)[o * in + i];
  return result;
}

// The factors of the label whose sines and cosines a positional embedding is: as in evaluate.cpp.
std::vector<float> positional_frequencies(const Node& node) {
  const auto half = static_cast<std::size_t>(node.shape[0] / 2);
  const double step = -std::log(node.scale) / static_cast<double>(std::max<std::size_t>(half - 1, 1));
  std::vector<float> result(half);
  for (std::size_t j = 0; j < half; ++j) result[j] = static_cast<float>(std::exp(static_cast<double>(j) * step));
  return result;
}

bool is_row_op(OpKind kind) {
  switch (kind) {
    case OpKind::input:
    case OpKind::label:
    case OpKind::class_label:
    case OpKind::linear:
    case OpKind::silu:
    case OpKind::add:
    case OpKind::concat:
    case OpKind::fourier:
    case OpKind::positional:
    case OpKind::embedding:
    case OpKind::dropout:
      return true;
    default:
      return false;
  }
}

}  // namespace

/// The values of all nodes, and their cotangents, for one block; a node that depends on the label alone has a single
/// row where the block's labels are all the same.
struct DenseNetwork::Values {
  Values(const std::vector<Step>& steps, int count, bool same_label) : rows(padded_rows(count)) {
    for (const Step& step : steps) {
      single.push_back(same_label && step.of_label);
      at.push_back(size);
      size += static_cast<std::size_t>(step.padded) * static_cast<std::size_t>(single.back() ? dense_rows : rows);
    }
    thread_local std::vector<float> memory;  // fresh pages for every block would cost a tenth of its time
    memory.resize(std::max(memory.size(), 2 * size));
    values = memory.data();
    cotangents = values + size;
  }

  static int padded_rows(int count) { return (count + dense_rows - 1) / dense_rows * dense_rows; }

  float* value(std::size_t node) { return values + at[node]; }
  float* cotangent(std::size_t node) { return cotangents + at[node]; }
  int rows_of(std::size_t node) const { return single[node] ? dense_rows : rows; }

  int rows;
  std::size_t size = 0;  ///< of all values
  std::vector<bool> single;
  std::vector<std::size_t> at;
  float *values, *cotangents;
};

std::shared_ptr<const DenseNetwork> DenseNetwork::compile(const Graph& graph, std::span<const at::Tensor> parameters) {
  for (const at::Tensor& p : parameters)
    if (p.scalar_type() != at::kFloat || !p.device().is_cpu()) return nullptr;
  auto result = std::make_shared<DenseNetwork>();
  for (const Node& node : graph.nodes) {
    if (!is_row_op(node.kind) || node.shape.size() != 1 || node.log || node.offset != 0) return nullptr;
    Step step{.kind = node.kind, .width = static_cast<int>(node.shape[0]), .padded = padded_width(node.shape[0])};
    step.scale = node.scale;
    if (!node.inputs.empty()) step.a = node.inputs[0];
    if (node.inputs.size() > 1) step.b = node.inputs[1];
    step.of_label = node.kind != OpKind::input;
    for (const int input : node.inputs)
      step.of_label = step.of_label && result->steps_[static_cast<std::size_t>(input)].of_label;
    const auto parameter = [&](std::size_t i) {
      return parameters[static_cast<std::size_t>(node.parameters[i])].detach().contiguous();
    };
    if (node.kind == OpKind::linear) {
      step.forward = packed_weight(parameter(0), false);
      step.backward = packed_weight(parameter(0), true);
      step.bias.assign(static_cast<std::size_t>(step.padded), 0.0f);
      if (node.parameters.size() > 1) std::copy_n(floats(parameter(1)), step.width, step.bias.begin());
    } else if (node.kind == OpKind::fourier || node.kind == OpKind::embedding) {
      const at::Tensor table = parameter(0);
      step.forward.assign(floats(table), floats(table) + table.numel());
      if (node.kind == OpKind::fourier)
        for (float& frequency : step.forward) frequency *= static_cast<float>(2 * std::numbers::pi);
    } else if (node.kind == OpKind::positional) {
      step.forward = positional_frequencies(node);
    }
    result->steps_.push_back(std::move(step));
  }
  return result;
}

void DenseNetwork::run_step(Values& values, std::size_t index, std::span<const float> label, int class_label) const {
  const Step& step = steps_[index];
  const auto a = static_cast<std::size_t>(step.a), b = static_cast<std::size_t>(step.b);
  float* y = values.value(index);
  const int rows = values.rows_of(index), count = rows * step.padded;
  // Row r of an input, whose single row serves all.
  const auto row_of = [&](std::size_t node, int r) {
    return values.value(node) + (values.single[node] ? 0 : r * steps_[node].padded);
  };
  switch (step.kind) {
    case OpKind::label:
      for (int r = 0; r < rows; ++r) {
        std::fill_n(y + r * step.padded, step.padded, 0.0f);
        y[r * step.padded] =
            label[std::min(static_cast<std::size_t>(r), label.size() - 1)] * static_cast<float>(step.scale);
      }
      return;
    case OpKind::linear:
      return dense_linear(values.value(a), steps_[a].padded, step.forward.data(), step.bias.data(), y, rows,
                          steps_[a].width, step.padded, false);
    case OpKind::silu:
      return dense_silu(values.value(a), y, count);
    case OpKind::dropout:
      std::copy_n(values.value(a), count, y);
      return;
    case OpKind::add:
      for (int r = 0; r < rows; ++r) {
        const float *from_a = row_of(a, r), *from_b = row_of(b, r);
        for (int j = 0; j < step.padded; ++j) {
          const float sum = from_a[j] + from_b[j];
          y[r * step.padded + j] = step.scale == 1 ? sum : sum * static_cast<float>(step.scale);
        }
      }
      return;
    case OpKind::concat:
      for (int r = 0; r < rows; ++r) {
        std::fill_n(y + r * step.padded, step.padded, 0.0f);
        std::copy_n(row_of(a, r), steps_[a].width, y + r * step.padded);
        std::copy_n(row_of(b, r), steps_[b].width, y + r * step.padded + steps_[a].width);
      }
      return;
    case OpKind::embedding:
      for (int r = 0; r < rows; ++r) {
        const int last = static_cast<int>(step.forward.size()) / step.width - 1;
        std::fill_n(y + r * step.padded, step.padded, 0.0f);
        std::copy_n(step.forward.data() + (class_label < 0 ? last : class_label) * step.width, step.width,
                    y + r * step.padded);
      }
      return;
    case OpKind::fourier:
    case OpKind::positional:
      for (int r = 0; r < rows; ++r) {
        float* row = y + r * step.padded;
        std::fill_n(row, step.padded, 0.0f);
        const auto half = static_cast<int>(step.forward.size());
        for (int j = 0; j < half; ++j) {
          const double angle = row_of(a, r)[0] * step.forward[static_cast<std::size_t>(j)];
          row[j] = static_cast<float>(std::sin(angle));
          row[half + j] = static_cast<float>(std::cos(angle));
        }
      }
      return;
    default:  // input and class_label
      return;
  }
}

void DenseNetwork::run(Values& values, const float* x, std::span<const float> label, int class_label) const {
  const Step& input = steps_.front();
  std::fill_n(values.value(0), values.rows * input.padded, 0.0f);
  for (std::size_t r = 0; r < label.size(); ++r)
    std::copy_n(x + r * static_cast<std::size_t>(input.width), input.width,
                values.value(0) + r * static_cast<std::size_t>(input.padded));
  for (std::size_t i = 1; i < steps_.size(); ++i) run_step(values, i, label, class_label);
}

void DenseNetwork::pull_back_step(Values& values, std::size_t index) const {
  const Step& step = steps_[index];
  const float* v = values.cotangent(index);
  const int rows = values.rows_of(index);
  const auto wanted = [&](int node) { return node >= 0 && !steps_[static_cast<std::size_t>(node)].of_label; };
  const auto cotangent = [&](int node) { return values.cotangent(static_cast<std::size_t>(node)); };
  if (step.kind == OpKind::linear) {
    const Step& from = steps_[static_cast<std::size_t>(step.a)];
    dense_linear(v, step.padded, step.backward.data(), nullptr, cotangent(step.a), rows, step.width, from.padded, true);
  } else if (step.kind == OpKind::silu) {
    dense_silu_back(values.value(static_cast<std::size_t>(step.a)), v, cotangent(step.a), rows * step.padded);
  } else if (step.kind == OpKind::add || step.kind == OpKind::dropout) {
    const auto scale = static_cast<float>(step.kind == OpKind::add ? step.scale : 1);
    for (const int node : {step.a, step.b})
      if (wanted(node))
        for (int j = 0; j < rows * step.padded; ++j) cotangent(node)[j] += scale * v[j];
  } else if (step.kind == OpKind::concat) {
    int first = 0;
    for (const int node : {step.a, step.b}) {
      const Step& part = steps_[static_cast<std::size_t>(node)];
      if (wanted(node))
        for (int r = 0; r < rows; ++r)
          for (int j = 0; j < part.width; ++j) cotangent(node)[r * part.padded + j] += v[r * step.padded + first + j];
      first += part.width;
    }
  }
}

void DenseNetwork::pull_back(Values& values, const float* v, std::size_t rows, float* pulled) const {
  const Step &output = steps_.back(), &input = steps_.front();
  std::fill(values.cotangents, values.cotangents + values.size, 0.0f);
  if (!output.of_label)
    for (std::size_t r = 0; r < rows; ++r)
      std::copy_n(v + r * static_cast<std::size_t>(output.width), output.width,
                  values.cotangent(steps_.size() - 1) + r * static_cast<std::size_t>(output.padded));
  for (std::size_t i = steps_.size(); i-- > 1;)
    if (!steps_[i].of_label) pull_back_step(values, i);
  for (std::size_t r = 0; r < rows; ++r)
    std::copy_n(values.cotangent(0) + r * static_cast<std::size_t>(input.padded), input.width,
                pulled + r * static_cast<std::size_t>(input.width));
}

void DenseNetwork::evaluate(const float* x, std::span<const float> label, int class_label, float* out,
                            std::span<const float* const> v, std::span<float* const> pulled) const {
  const bool same_label = std::all_of(label.begin(), label.end(), [&](float l) { return l == label[0]; });
  Values values(steps_, static_cast<int>(label.size()), same_label);
  run(values, x, label, class_label);
  const Step& output = steps_.back();
  const std::size_t stride = values.single.back() ? 0 : static_cast<std::size_t>(output.padded);
  for (std::size_t r = 0; out && r < label.size(); ++r)
    std::copy_n(values.value(steps_.size() - 1) + r * stride, output.width,
                out + r * static_cast<std::size_t>(output.width));
  for (std::size_t k = 0; k < v.size(); ++k) pull_back(values, v[k], label.size(), pulled[k]);
}

}  // namespace scoresde
