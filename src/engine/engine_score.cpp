#include "engine/engine_score.h"

#include <cmath>

#include "core/catalog.h"
#include "core/error.h"
#include "core/sum.h"

namespace scoresde {

EngineScore::EngineScore(const Model& model, std::optional<int> class_index, int threads, const Tuning& tuning)
    : engine_(model.spec, model.weights, threads, tuning),
      class_index_(class_index),
      sde_(make_sde(model.spec.sde)),
      prediction_(&find_entry("prediction", predictions(), model.spec.net.prediction)),
      data_std_(model.spec.data_std) {
  const Graph& graph = engine_.graph();
  if (graph.output_shape() != graph.input_shape)
    fail(Failure::usage, "the network '{}' gives no score", model.spec.net.name);
  if (class_index && graph.classes == 0)
    fail(Failure::usage, "class {} was asked for, but the model is not conditioned on classes", *class_index);
  if (class_index && (*class_index < 0 || *class_index >= graph.classes))
    fail(Failure::usage, "class {} is outside [0, {}]", *class_index, graph.classes - 1);
}

Batch EngineScore::operator()(const Batch& x, const Times& t) const {
  Times input(t.size()), label(t.size()), score_x(t.size()), score_f(t.size());
  for (Index i = 0; i < t.size(); ++i) {
    const Preconditioning c = prediction_->make(*sde_, t[i], data_std_);
    input[i] = c.input;
    label[i] = c.label;
    score_x[i] = c.score_x;
    score_f[i] = c.score_f;
  }
  const Batch f = engine_(x.colwise() * input, label, class_index_);
  return x.colwise() * score_x + f.colwise() * score_f;
}

Batch engine_probabilities(const Model& model, const Batch& x, double t, int threads) {
  const auto sde = make_sde(model.spec.sde);
  const PredictionEntry& prediction = find_entry("prediction", predictions(), model.spec.net.prediction);
  const Preconditioning c = prediction.make(*sde, t, model.spec.data_std);
  const Engine engine(model.spec, model.weights, threads);
  if (engine.graph().output_shape().size() != 1)
    fail(Failure::usage, "the network '{}' is no classifier", model.spec.net.name);
  Batch p = engine(x * c.input, Times::Constant(x.rows(), c.label));
  for (Index i = 0; i < p.rows(); ++i) {
    p.row(i) = (p.row(i) - p.row(i).maxCoeff()).exp().eval();
    p.row(i) /= ordered_sum(p.data() + i * p.cols(), static_cast<std::size_t>(p.cols()));
  }
  return p;
}

}  // namespace scoresde
