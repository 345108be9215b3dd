#include "nn/classify.h"

#include <ATen/ops/from_blob.h>
#include <ATen/ops/full.h>
#include <ATen/ops/softmax.h>

#include "core/catalog.h"
#include "net/preconditioning.h"
#include "nn/network.h"
#include "nn/threads.h"

namespace scoresde {

Batch class_probabilities(const Model& model, const Batch& x, double t) {
  const ModelSpec& spec = model.spec;
  const Graph graph = build_net(spec.net, spec.shape);
  if (graph.output_shape() != std::vector<std::int64_t>{spec.net.classes})
    fail(Failure::usage, "the network '{}' is no classifier", spec.net.name);
  if (x.cols() != spec.shape.size())
    fail(Failure::usage, "the classifier takes samples of {} ({} values), not of {} values", to_text(spec.shape),
         spec.shape.size(), x.cols());
  const std::vector<at::Tensor> parameters = parameters_of(model);
  const auto sde = make_sde(spec.sde);
  const Preconditioning at_t =
      find_entry("prediction", predictions(), spec.net.prediction).make(*sde, t, spec.data_std);
  const at::Tensor label = at::full({1}, at_t.label, at::kFloat);
  std::vector<std::int64_t> shape = graph.input_shape;
  shape.insert(shape.begin(), 1);
  Batch probabilities(x.rows(), spec.net.classes);
  parallel_tasks(static_cast<std::size_t>(x.rows()), [&](std::size_t task) {
    const at::NoGradGuard no_grad;
    const auto i = static_cast<Index>(task);
    Eigen::ArrayXf row = (x.row(i) * at_t.input).cast<float>();
    const at::Tensor input = at::from_blob(row.data(), shape, at::kFloat);
    const at::Tensor output = at::softmax(evaluate(graph, parameters, input, label, {}, {}), 1).contiguous();
    for (Index k = 0; k < probabilities.cols(); ++k) probabilities(i, k) = output.data_ptr<float>()[k];
  });
  return probabilities;
}

}  // namespace scoresde
