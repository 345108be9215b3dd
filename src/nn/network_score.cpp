#include "nn/network_score.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>

#include "core/catalog.h"
#include "core/sum.h"
#include "nn/threads.h"

namespace scoresde {
namespace {

// Rows as a tensor of the network's format, on its device.
at::Tensor rows_tensor(const Batch& rows, at::IntArrayRef sizes, const at::TensorOptions& like) {
  at::Tensor tensor = at::empty(sizes, at::TensorOptions(at::kDouble));
  Eigen::Map<Batch>(tensor.data_ptr<double>(), rows.rows(), rows.cols()) = rows;
  return tensor.to(like.dtype().toScalarType()).to(like.device());
}

std::vector<std::int64_t> items_shape(const Graph& graph, Index count) {
  std::vector<std::int64_t> shape = graph.input_shape;
  shape.insert(shape.begin(), count);
  return shape;
}

void in_blocks(Index rows, const std::function<void(Index first, Index count)>& work) {
  const Index blocks = (rows + DenseNetwork::block - 1) / DenseNetwork::block;
  parallel_tasks(static_cast<std::size_t>(blocks), [&](std::size_t task) {
    const Index first = static_cast<Index>(task) * DenseNetwork::block;
    work(first, std::min<Index>(DenseNetwork::block, rows - first));
  });
}

}  // namespace

NetworkScore::NetworkScore(const Model& model, std::optional<int> class_index)
    : NetworkScore(model.spec, parameters_of(model), class_index) {}

NetworkScore::NetworkScore(const ModelSpec& spec, std::vector<at::Tensor> parameters, std::optional<int> class_index)
    : spec_(spec),
      graph_(std::make_shared<const Graph>(build_net(spec.net, spec.shape))),
      class_index_(class_index),
      sde_(make_sde(spec.sde)),
      prediction_(&find_entry("prediction", predictions(), spec.net.prediction)) {
  if (!graph_->gives_score()) fail(Failure::usage, "the network '{}' gives no score", spec.net.name);
  if (class_index && graph_->classes == 0)
    fail(Failure::usage, "class {} was asked for, but the model is not conditioned on classes", *class_index);
  if (class_index && (*class_index < 0 || *class_index >= graph_->classes))
    fail(Failure::usage, "class {} is outside [0, {}]", *class_index, graph_->classes - 1);
  if (parameters.size() != graph_->parameters.size())
    fail(Failure::usage, "the network has {} parameters and got {}", graph_->parameters.size(), parameters.size());
  for (const at::Tensor& parameter : parameters) parameters_.push_back(parameter.detach());
  dense_ = DenseNetwork::compile(*graph_, parameters_);
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
  if (dense_) {
    in_blocks(x.rows(), [&](Index first, Index count) { evaluate_block(first, count, x, t, {}, &result, nullptr); });
    return result;
  }
  parallel_tasks(static_cast<std::size_t>(x.rows()), [&](std::size_t row) {
    const at::NoGradGuard no_grad;
    evaluate_row(static_cast<Index>(row), x, t, {}, &result, nullptr);
  });
  return result;
}

Batch NetworkScore::vjp(const Batch& x, const Times& t, const Batch& v) const {
  return std::move(with_vjps(x, t, {&v, 1}).vjps.front());
}

// A row stands in its task once for each of a part of the probes, with which the cost of calls is shared; the parts are
// the same whatever the batch, so bits depend on the row and the number of probes alone.
ScoreAndVjps NetworkScore::with_vjps(const Batch& x, const Times& t, std::span<const Batch> v) const {
  if (v.empty()) return {(*this)(x, t), {}};
  check(x, t);
  for (const Batch& one : v) check(one, t);
  constexpr std::size_t most_copies = 16;
  ScoreAndVjps result{Batch(x.rows(), x.cols()), std::vector<Batch>(v.size(), Batch(x.rows(), x.cols()))};
  std::vector<Batch*> out;
  for (Batch& one : result.vjps) out.push_back(&one);
  if (dense_ && !graph_->energy) {  // an energy's products are second derivatives
    in_blocks(x.rows(),
              [&](Index first, Index count) { evaluate_block(first, count, x, t, v, &result.score, out.data()); });
    return result;
  }
  parallel_tasks(static_cast<std::size_t>(x.rows()), [&](std::size_t row) {
    for (std::size_t first = 0; first < v.size(); first += most_copies)
      evaluate_row(static_cast<Index>(row), x, t, v.subspan(first, std::min(most_copies, v.size() - first)),
                   first == 0 ? &result.score : nullptr, &out[first]);
  });
  return result;
}

// The score of rows [first, first + count) and their J^T v for each of `v`, by DenseNetwork.
void NetworkScore::evaluate_block(Index first, Index count, const Batch& x, const Times& t, std::span<const Batch> v,
                                  Batch* score, Batch* const* vjps) const {
  using Floats = Eigen::Array<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  std::vector<Preconditioning> at;
  std::vector<float> label;
  Floats rows(count, x.cols()), output(count, x.cols());
  for (Index i = 0; i < count; ++i) {
    const bool as_before = i > 0 && t[first + i] == t[first + i - 1];
    at.push_back(as_before ? at.back() : prediction_->make(*sde_, t[first + i], spec_.data_std));
    label.push_back(static_cast<float>(at.back().label));
    rows.row(i) = (x.row(first + i) * at.back().input).cast<float>();
  }
  std::vector<Floats> cotangents, pulled(v.size(), Floats(count, x.cols()));
  for (const Batch& one : v) cotangents.push_back(one.middleRows(first, count).cast<float>());
  std::vector<const float*> from;
  std::vector<float*> to;
  for (std::size_t k = 0; k < v.size(); ++k) from.push_back(cotangents[k].data()), to.push_back(pulled[k].data());
  const Floats minus_one = Floats::Constant(count, 1, -1);
  if (graph_->energy) from = {minus_one.data()}, to = {output.data()};  // F = -df/dx
  dense_->evaluate(rows.data(), label, class_index_.value_or(-1), graph_->energy ? nullptr : output.data(), from, to);
  for (Index i = 0; i < count; ++i) {
    const Preconditioning& c = at[static_cast<std::size_t>(i)];
    const Index row = first + i;
    score->row(row) = c.score_x * x.row(row) + c.score_f * output.row(i).cast<double>();
    for (std::size_t k = 0; k < v.size(); ++k)
      vjps[k]->row(row) = c.score_x * v[k].row(row) + c.score_f * c.input * pulled[k].row(i).cast<double>();
  }
}

at::Tensor NetworkScore::class_labels(Index count) const {
  if (graph_->classes == 0) return {};
  return at::full({count}, class_index_.value_or(-1), parameters_.front().options().dtype(at::kLong));
}

// The score of row i (where `score` is given) and its J^T v for each of `v`, in one pass.
void NetworkScore::evaluate_row(Index i, const Batch& x, const Times& t, std::span<const Batch> v, Batch* score,
                                Batch* const* vjps) const {
  const Preconditioning c = prediction_->make(*sde_, t[i], spec_.data_std);
  const at::TensorOptions like = parameters_.front().options();
  const auto copies = std::max<Index>(1, static_cast<Index>(v.size()));
  const std::vector<std::int64_t> shape = items_shape(*graph_, copies);
  const auto here = [&](const at::Tensor& tensor) -> Batch {
    const at::Tensor values = tensor.detach().to(at::kCPU).to(at::kDouble).contiguous();
    return Eigen::Map<const Batch>(values.data_ptr<double>(), copies, x.cols());
  };
  const at::Tensor leaf =
      rows_tensor((x.row(i) * c.input).replicate(copies, 1), shape, like).set_requires_grad(!v.empty());
  const at::Tensor label = rows_tensor(Batch::Constant(copies, 1, c.label), {copies}, like);
  const at::Tensor output = raw_output(*graph_, parameters_, leaf, label, class_labels(copies), {});
  if (score) score->row(i) = c.score_x * x.row(i) + c.score_f * here(output).row(0);
  if (v.empty()) return;
  Batch cotangents(copies, x.cols());
  for (Index k = 0; k < copies; ++k) cotangents.row(k) = v[static_cast<std::size_t>(k)].row(i);
  const Batch pulled = here(torch::autograd::grad({output}, {leaf}, {rows_tensor(cotangents, shape, like)}).at(0));
  for (Index k = 0; k < copies; ++k)
    vjps[k]->row(i) = c.score_x * cotangents.row(k) + c.score_f * c.input * pulled.row(k);
}

Times NetworkScore::log_density(const Batch& x, const Times& t) const {
  if (!graph_->energy) return Score::log_density(x, t);
  check(x, t);
  Times result(x.rows());
  const Times squares = row_dot(x, x);
  parallel_tasks(static_cast<std::size_t>(x.rows()), [&](std::size_t row) {
    const at::NoGradGuard no_grad;
    const auto i = static_cast<Index>(row);
    const Preconditioning c = prediction_->make(*sde_, t[i], spec_.data_std);
    const at::TensorOptions like = parameters_.front().options();
    const at::Tensor f = evaluate(*graph_, parameters_, rows_tensor(x.row(i) * c.input, items_shape(*graph_, 1), like),
                                  rows_tensor(Batch::Constant(1, 1, c.label), {1}, like), class_labels(1), {});
    result[i] = 0.5 * c.score_x * squares[i] - c.score_f / c.input * f.to(at::kDouble).item<double>();
  });
  return result;
}

}  // namespace scoresde
