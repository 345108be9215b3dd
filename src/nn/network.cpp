#include "nn/network.h"

#include <ATen/ops/empty.h>

#include <cmath>
#include <cstring>

#include "core/error.h"

namespace scoresde {
namespace {

double uniform_bound(const Parameter& parameter) {
  const auto fan = [&](std::size_t axis) {
    const auto& s = parameter.shape;
    const std::int64_t taps = element_count(s) / (s[0] * s[1]);
    return static_cast<double>(s[axis] * taps);
  };
  const double scale = parameter.scale == 0 ? 1e-10 : parameter.scale;
  return std::sqrt(3 * scale / ((fan(0) + fan(1)) / 2));
}

void zero_last_third(std::vector<double>& values, std::size_t row) {
  for (std::size_t i = 0; i < values.size(); ++i)
    if (i % row >= row / 3 * 2) values[i] = 0;
}

// The parameter's index is its sample id: another net that begins alike gets the same first weights.
std::vector<double> initial_values(const Parameter& parameter, std::uint64_t seed, std::size_t index) {
  std::vector<double> values(static_cast<std::size_t>(element_count(parameter.shape)), 0.0);
  const NoiseAddress address{.seed = seed, .purpose = Purpose::weights, .sample = index};
  switch (parameter.init) {
    case Init::zeros:
      break;
    case Init::ones:
      std::fill(values.begin(), values.end(), 1.0);
      break;
    case Init::normal:
      fill_normal(address, values);
      for (double& value : values) value *= parameter.scale;
      break;
    case Init::near_one:
    case Init::norm_table:
      fill_normal(address, values);
      for (double& value : values) value = 1 + value * parameter.scale;
      if (parameter.init == Init::norm_table) zero_last_third(values, static_cast<std::size_t>(parameter.shape[1]));
      break;
    case Init::uniform:
      fill_uniform(address, values);
      for (double& value : values) value = (2 * value - 1) * parameter.scale;
      break;
    case Init::variance_scaling: {
      const double bound = uniform_bound(parameter);
      fill_uniform(address, values);
      for (double& value : values) value = (2 * value - 1) * bound;
      break;
    }
  }
  return values;
}

}  // namespace

Tensor to_tensor(const at::Tensor& value) {
  const at::Tensor here = value.detach().to(at::kCPU).contiguous();
  const auto n = static_cast<std::size_t>(here.numel());
  if (here.scalar_type() == at::kDouble)
    return Tensor::of(here.sizes().vec(), std::span<const double>(here.data_ptr<double>(), n));
  return Tensor::of(here.sizes().vec(), std::span<const float>(here.data_ptr<float>(), n));
}

at::Tensor from_tensor(const Tensor& value, at::ScalarType dtype) {
  const bool wide = value.dtype == Dtype::f64;
  if (!wide) value.f32();  // checks the format
  at::Tensor result = at::empty(value.shape, at::TensorOptions(wide ? at::kDouble : at::kFloat));
  if (!value.bytes.empty()) std::memcpy(result.data_ptr(), value.bytes.data(), value.bytes.size());
  return result.to(dtype);
}

std::vector<at::Tensor> parameters_of(const Model& model, at::Device device) {
  std::vector<at::Tensor> result;
  for (const Parameter& parameter : build_net(model.spec.net, model.spec.shape).parameters)
    result.push_back(from_tensor(model.weights.at(parameter.name), at::kFloat).to(device));
  return result;
}

Network::Network(Graph graph, std::uint64_t seed, at::ScalarType dtype) : graph_(std::move(graph)) {
  for (std::size_t i = 0; i < graph_.parameters.size(); ++i) {
    const Parameter& parameter = graph_.parameters[i];
    const Tensor values = Tensor::of(parameter.shape, std::span<const double>(initial_values(parameter, seed, i)));
    parameters_.push_back(from_tensor(values, dtype).set_requires_grad(parameter.trainable));
  }
}

at::Tensor Network::forward(const at::Tensor& x, const at::Tensor& label, const at::Tensor& class_label,
                            const ForwardOptions& options) const {
  return evaluate(graph_, parameters_, x, label, class_label, options);
}

std::map<std::string, Tensor> Network::state() const {
  std::map<std::string, Tensor> result;
  for (std::size_t i = 0; i < parameters_.size(); ++i) result[graph_.parameters[i].name] = to_tensor(parameters_[i]);
  return result;
}

void Network::load(const std::map<std::string, Tensor>& state) {
  check_weights(graph_, state, "the state");
  const at::NoGradGuard no_grad;
  for (std::size_t i = 0; i < parameters_.size(); ++i)
    parameters_[i].copy_(from_tensor(state.at(graph_.parameters[i].name), parameters_[i].scalar_type()));
}

void Network::to(at::Device device) {
  for (std::size_t i = 0; i < parameters_.size(); ++i)
    parameters_[i] = parameters_[i].detach().to(device).set_requires_grad(graph_.parameters[i].trainable);
}

}  // namespace scoresde
