#include "nn/network_score.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <torch/csrc/autograd/autograd.h>

#include "core/catalog.h"
#include "nn/threads.h"

namespace scoresde {
NetworkScore::NetworkScore(const Model& model, std::optional<int> class_index)
    : NetworkScore(model.spec, parameters_of(model), class_index) {}

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

// One row a task, each on one thread: then a row's bits cannot depend on anything else. Measured on a U-Net of 48
// channels (1, 2), 28 x 28 in patches of 2, LibTorch 1.13, one thread, ms an image: 1 row 3.5, 2 rows 2.1, 4 rows 1.7,
// 8 to 64 rows 1.4 to 1.7 (the convolutions' weights are reordered once a call). The factor of 2 is the price: with 4
// rows a task and 10 channels rows came out differently at other places of the task, because ATen's vectorised loops
// end in scalar code for the last few numbers of a whole tensor; with 16 rows and 48 channels the matrix products
// differed as well. Padding rows and the other rows' values made no difference.
Batch NetworkScore::operator()(const Batch& x, const Times& t) const {
  check(x, t);
  Batch result(x.rows(), x.cols());
  parallel_tasks(static_cast<std::size_t>(x.rows()), [&](std::size_t row) {
    const at::NoGradGuard no_grad;
    evaluate_row(static_cast<Index>(row), x, t, nullptr, result);
  });
  return result;
}

Batch NetworkScore::vjp(const Batch& x, const Times& t, const Batch& v) const {
  check(x, t);
  check(v, t);
  Batch result(x.rows(), x.cols());
  parallel_tasks(static_cast<std::size_t>(x.rows()),
                 [&](std::size_t row) { evaluate_row(static_cast<Index>(row), x, t, &v, result); });
  return result;
}

// The score of row i, or its J^T v where v is given.
void NetworkScore::evaluate_row(Index i, const Batch& x, const Times& t, const Batch* v, Batch& result) const {
  const Preconditioning c = prediction_->make(*sde_, t[i], spec_.data_std);
  const at::TensorOptions like = parameters_.front().options();
  std::vector<std::int64_t> shape = graph_->input_shape;
  shape.insert(shape.begin(), 1);
  const auto there = [&](const Batch& row, at::IntArrayRef sizes) {
    at::Tensor tensor = at::empty(sizes, at::TensorOptions(at::kDouble));
    Eigen::Map<Batch>(tensor.data_ptr<double>(), 1, row.cols()) = row;
    return tensor.to(like.dtype().toScalarType()).to(like.device());
  };
  const at::Tensor leaf = there(x.row(i) * c.input, shape).set_requires_grad(v != nullptr);
  const at::Tensor label = there(Batch::Constant(1, 1, c.label), {1});
  at::Tensor classes;
  if (graph_->classes > 0) classes = at::full({1}, class_index_.value_or(-1), like.dtype(at::kLong));
  const at::Tensor output = evaluate(*graph_, parameters_, leaf, label, classes, {});
  const at::Tensor value = v ? torch::autograd::grad({output}, {leaf}, {there(v->row(i), shape)}).at(0) : output;
  const at::Tensor here = value.detach().to(at::kCPU).to(at::kDouble).contiguous();
  const Eigen::Map<const Batch> row(here.data_ptr<double>(), 1, x.cols());
  if (v)
    result.row(i) = c.score_x * v->row(i) + c.score_f * c.input * row;
  else
    result.row(i) = c.score_x * x.row(i) + c.score_f * row;
}

}  // namespace scoresde
