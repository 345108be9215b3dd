#include "nn/network_score.h"

#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/autograd.h>

#include "core/catalog.h"
#include "nn/threads.h"

namespace scoresde {
namespace {

constexpr Index rows_per_task = 1;

std::vector<at::Tensor> model_parameters(const Model& model) {
  std::vector<at::Tensor> result;
  for (const Parameter& parameter : build_net(model.spec.net, model.spec.shape).parameters)
    result.push_back(from_tensor(model.weights.at(parameter.name), at::kFloat));
  return result;
}

}  // namespace

NetworkScore::NetworkScore(const Model& model, std::optional<int> class_index)
    : NetworkScore(model.spec, model_parameters(model), class_index) {}

NetworkScore::NetworkScore(const ModelSpec& spec, std::vector<at::Tensor> parameters, std::optional<int> class_index)
    : spec_(spec),
      graph_(std::make_shared<const Graph>(build_net(spec.net, spec.shape))),
      class_index_(class_index),
      sde_(make_sde(spec.sde)),
      prediction_(&find_entry("prediction", predictions(), spec.net.prediction)) {
  if (graph_->output_shape() != graph_->input_shape)
    fail(Failure::usage, "the network '{}' gives no score", spec.net.name);
  if (class_index && graph_->classes == 0)
    fail(Failure::usage, "class {} was asked for, but the model is not conditioned on classes", *class_index);
  if (class_index && (*class_index < 0 || *class_index >= graph_->classes))
    fail(Failure::usage, "class {} is outside [0, {}]", *class_index, graph_->classes - 1);
  if (parameters.size() != graph_->parameters.size())
    fail(Failure::usage, "the network has {} parameters and got {}", graph_->parameters.size(), parameters.size());
  for (const at::Tensor& parameter : parameters) parameters_.push_back(parameter.detach());
}

NetworkScore NetworkScore::with_class(std::optional<int> class_index) const {
  return NetworkScore(spec_, parameters_, class_index);
}

void NetworkScore::check(const Batch& x, const Times& t) const {
  if (x.cols() != dimension() || t.size() != x.rows())
    fail(Failure::usage, "the score takes samples of {} values and a time for each; it got {} x {} and {} times",
         dimension(), x.rows(), x.cols(), t.size());
}

Batch NetworkScore::operator()(const Batch& x, const Times& t) const {
  check(x, t);
  Batch result(x.rows(), x.cols());
  parallel_tasks(static_cast<std::size_t>((x.rows() + rows_per_task - 1) / rows_per_task), [&](std::size_t task) {
    const at::NoGradGuard no_grad;
    const Index first = static_cast<Index>(task) * rows_per_task;
    evaluate_rows(x, t, nullptr, first, std::min(rows_per_task, x.rows() - first), result);
  });
  return result;
}

Batch NetworkScore::vjp(const Batch& x, const Times& t, const Batch& v) const {
  check(x, t);
  check(v, t);
  Batch result(x.rows(), x.cols());
  parallel_tasks(static_cast<std::size_t>((x.rows() + rows_per_task - 1) / rows_per_task), [&](std::size_t task) {
    const Index first = static_cast<Index>(task) * rows_per_task;
    evaluate_rows(x, t, &v, first, std::min(rows_per_task, x.rows() - first), result);
  });
  return result;
}

// The score of some rows, or J^T v where v is given. Rows beyond the last are zeros at label 0: every task has the same
// shape.
void NetworkScore::evaluate_rows(const Batch& x, const Times& t, const Batch* v, Index first, Index rows,
                                 Batch& result) const {
  const at::TensorOptions like = parameters_.front().options();
  const auto dtype = like.dtype().toScalarType() == at::kDouble ? at::kDouble : at::kFloat;
  const at::TensorOptions doubles(at::kDouble);
  const Index columns = x.cols();
  at::Tensor input = at::zeros({rows_per_task, columns}, doubles), label = at::zeros({rows_per_task}, doubles);
  std::vector<Preconditioning> c(static_cast<std::size_t>(rows));
  Eigen::Map<Batch> input_rows(input.data_ptr<double>(), rows_per_task, columns);
  for (Index i = 0; i < rows; ++i) {
    auto& row = c[static_cast<std::size_t>(i)] = prediction_->make(*sde_, t[first + i], spec_.data_std);
    input_rows.row(i) = x.row(first + i) * row.input;
    label.data_ptr<double>()[i] = row.label;
  }
  std::vector<std::int64_t> shape = graph_->input_shape;
  shape.insert(shape.begin(), rows_per_task);
  const auto there = [&](const at::Tensor& value) { return value.to(dtype).to(like.device()); };
  const auto here = [&](const at::Tensor& value) { return value.detach().to(at::kCPU).to(at::kDouble).contiguous(); };
  const at::Tensor leaf = there(input).reshape(shape).set_requires_grad(v != nullptr);
  const at::Tensor classes = graph_->classes == 0 ? at::Tensor()
                                                  : at::full({rows_per_task}, class_index_.value_or(-1),
                                                             at::TensorOptions(at::kLong).device(like.device()));
  const at::Tensor output = evaluate(*graph_, parameters_, leaf, there(label), classes, {});
  at::Tensor value;
  if (v) {
    at::Tensor cotangent = at::zeros({rows_per_task, columns}, doubles);
    Eigen::Map<Batch>(cotangent.data_ptr<double>(), rows_per_task, columns).topRows(rows) = v->middleRows(first, rows);
    value = here(torch::autograd::grad({output}, {leaf}, {there(cotangent).reshape(shape)}).at(0));
  } else {
    value = here(output);
  }
  const Eigen::Map<const Batch> value_rows(value.data_ptr<double>(), rows_per_task, columns);
  const Batch& linear = v ? *v : x;
  for (Index i = 0; i < rows; ++i) {
    const Preconditioning& row = c[static_cast<std::size_t>(i)];
    const double factor = v ? row.score_f * row.input : row.score_f;
    result.row(first + i) = row.score_x * linear.row(first + i) + factor * value_rows.row(i);
  }
}

}  // namespace scoresde
