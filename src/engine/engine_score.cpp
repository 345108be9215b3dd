#include "engine/engine_score.h"

#include <cmath>

#include "core/catalog.h"
#include "core/error.h"
#include "core/sum.h"
#include "engine/weights.h"

namespace scoresde {
namespace {

using FloatRows = Eigen::Array<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

std::unique_ptr<Differentiator> make_derivative(const Graph& graph, const FloatWeights& weights, int threads) {
  auto derivative = std::make_unique<Differentiator>(graph, Derivatives{}, threads);
  derivative->set_weights(weights.pointers());
  return derivative;
}

Graph network_of(const ModelSpec& spec) { return build_net(spec.net, spec.shape); }

void check_rows(const Batch& rows, Index columns, Index count) {
  if (rows.cols() != columns || rows.rows() != count)
    fail(Failure::usage, "the network takes samples of {} values, one for each of {} times; it got {} x {}", columns,
         count, rows.rows(), rows.cols());
}

}  // namespace

// Of the preconditioning, a number a row.
struct EngineScore::Factors {
  Times input, label, score_x, score_f;
};

EngineScore::~EngineScore() = default;

EngineScore::EngineScore(const Model& model, std::optional<int> class_index, int threads, ScoreUse use,
                         const Tuning& tuning)
    : EngineScore(model.spec, network_of(model.spec), FloatWeights(network_of(model.spec), model.weights), class_index,
                  threads, use, tuning) {}

EngineScore::EngineScore(Model&& model, std::optional<int> class_index, int threads, ScoreUse use, const Tuning& tuning)
    : EngineScore(model.spec, network_of(model.spec), FloatWeights(network_of(model.spec), std::move(model.weights)),
                  class_index, threads, use, tuning) {}

EngineScore::EngineScore(const ModelSpec& spec, Graph graph, FloatWeights weights, std::optional<int> class_index,
                         int threads, ScoreUse use, const Tuning& tuning)
    : graph_(std::move(graph)),
      class_index_(class_index),
      sde_(make_sde(spec.sde)),
      prediction_(&find_entry("prediction", predictions(), spec.net.prediction)),
      data_std_(spec.data_std) {
  if (!graph_.gives_score()) fail(Failure::usage, "the network '{}' gives no score", spec.net.name);
  if (class_index && graph_.classes == 0)
    fail(Failure::usage, "class {} was asked for, but the model is not conditioned on classes", *class_index);
  if (class_index && (*class_index < 0 || *class_index >= graph_.classes))
    fail(Failure::usage, "class {} is outside [0, {}]", *class_index, graph_.classes - 1);
  if (use == ScoreUse::vjps && graph_.energy)
    fail(Failure::usage, "the score of the energy '{}' is a derivative, and the engine has no second ones",
         spec.net.name);
  if (use == ScoreUse::vjps || graph_.energy)
    derivative_ = make_derivative(graph_, weights, threads);
  else
    engine_ = std::make_unique<Engine>(graph_, std::move(weights), threads, tuning);
}

EngineScore::Factors EngineScore::factors(const Times& t) const {
  Factors f{Times(t.size()), Times(t.size()), Times(t.size()), Times(t.size())};
  for (Index i = 0; i < t.size(); ++i) {
    const Preconditioning c = prediction_->make(*sde_, t[i], data_std_);
    f.input[i] = c.input;
    f.label[i] = c.label;
    f.score_x[i] = c.score_x;
    f.score_f[i] = c.score_f;
  }
  return f;
}

Batch EngineScore::operator()(const Batch& x, const Times& t) const {
  if (derivative_) return with_vjps(x, t, {}).score;
  const Factors at = factors(t);
  const Batch f = (*engine_)(x.colwise() * at.input, at.label, class_index_);
  return x.colwise() * at.score_x + f.colwise() * at.score_f;
}

Batch EngineScore::vjp(const Batch& x, const Times& t, const Batch& v) const {
  return std::move(with_vjps(x, t, {&v, 1}).vjps.front());
}

ScoreAndVjps EngineScore::with_vjps(const Batch& x, const Times& t, std::span<const Batch> v) const {
  if (!derivative_ || (graph_.energy && !v.empty()))
    fail(Failure::usage, "this score was made for its values alone, not for derivatives");
  check_rows(x, dimension(), t.size());
  for (const Batch& one : v) check_rows(one, dimension(), t.size());
  const Factors at = factors(t);
  const FloatRows scaled = (x.colwise() * at.input).cast<float>(), label = at.label.cast<float>();
  const std::vector<int> classes(static_cast<std::size_t>(x.rows()), class_index_.value_or(-1));
  ScoreAndVjps result{Batch(x.rows(), x.cols()), std::vector<Batch>(v.size(), Batch(x.rows(), x.cols()))};
  for (Index first = 0; first < x.rows(); first += derivative_->rows_at_once()) {
    const Index count = std::min(derivative_->rows_at_once(), x.rows() - first);
    const NetworkRows rows{count, scaled.data() + first * x.cols(), label.data() + first, classes.data() + first};
    FloatRows f(count, x.cols()), pulled(count, x.cols());
    if (graph_.energy) {
      const auto minus_one = [](Index, Index n, const float*, float* d_out) { std::fill_n(d_out, n, -1.0f); };
      derivative_->forward_backward(rows, minus_one, nullptr, f.data());
    } else {
      derivative_->forward(rows, f.data());
    }
    const auto of = [&](const Times& factor) { return factor.segment(first, count); };
    result.score.middleRows(first, count) =
        x.middleRows(first, count).colwise() * of(at.score_x) + f.cast<double>().colwise() * of(at.score_f);
    for (std::size_t k = 0; k < v.size(); ++k) {
      const FloatRows cotangent = v[k].middleRows(first, count).cast<float>();
      derivative_->backward(cotangent.data(), pulled.data());
      result.vjps[k].middleRows(first, count) = v[k].middleRows(first, count).colwise() * of(at.score_x) +
                                                pulled.cast<double>().colwise() * (of(at.score_f) * of(at.input));
    }
  }
  return result;
}

Times EngineScore::log_density(const Batch& x, const Times& t) const {
  if (!graph_.energy) return Score::log_density(x, t);
  check_rows(x, dimension(), t.size());
  const Factors at = factors(t);
  const FloatRows scaled = (x.colwise() * at.input).cast<float>(), label = at.label.cast<float>();
  const std::vector<int> classes(static_cast<std::size_t>(x.rows()), class_index_.value_or(-1));
  FloatRows f(x.rows(), 1);
  for (Index first = 0; first < x.rows(); first += derivative_->rows_at_once()) {
    const Index count = std::min(derivative_->rows_at_once(), x.rows() - first);
    derivative_->forward({count, scaled.data() + first * x.cols(), label.data() + first, classes.data() + first},
                         f.data() + first);
  }
  return 0.5 * at.score_x * row_dot(x, x) - at.score_f / at.input * f.col(0).cast<double>();
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

EngineClassifier::EngineClassifier(const Model& model, int threads)
    : sde_(make_sde(model.spec.sde)),
      prediction_(&find_entry("prediction", predictions(), model.spec.net.prediction)),
      data_std_(model.spec.data_std) {
  const Graph graph = build_net(model.spec.net, model.spec.shape);
  if (graph.energy || graph.gives_score() || graph.output_shape().size() != 1)
    fail(Failure::usage, "the network '{}' is no classifier", model.spec.net.name);
  derivative_ = make_derivative(graph, FloatWeights(graph, model.weights), threads);
}

// d log p_k / d logit_j = [j = k] - p_j.
EngineClassifier::LogProbability EngineClassifier::operator()(const Batch& x, const Times& t,
                                                              std::span<const int> classes) const {
  const auto width = static_cast<Index>(element_count(derivative_->graph().input_shape)),
             logits = Index{this->classes()};
  check_rows(x, width, t.size());
  if (static_cast<Index>(classes.size()) != x.rows())
    fail(Failure::usage, "{} samples need as many classes, not {}", x.rows(), classes.size());
  for (const int k : classes)
    if (k < 0 || k >= logits) fail(Failure::usage, "class {} is outside [0, {}]", k, logits - 1);
  Times input(t.size());
  FloatRows label(t.size(), 1);
  for (Index i = 0; i < t.size(); ++i) {
    const Preconditioning c = prediction_->make(*sde_, t[i], data_std_);
    input[i] = c.input;
    label(i, 0) = static_cast<float>(c.label);
  }
  const FloatRows scaled = (x.colwise() * input).cast<float>();
  LogProbability result{Times(x.rows()), Batch(x.rows(), x.cols())};
  const auto slope = [&](Index first, Index count, const float* out, float* d_out) {
    for (Index i = 0; i < count; ++i, out += logits, d_out += logits) {
      const auto k = static_cast<Index>(classes[static_cast<std::size_t>(first + i)]);
      const auto most = static_cast<double>(*std::max_element(out, out + logits));
      double sum = 0;
      for (Index j = 0; j < logits; ++j) sum += std::exp(static_cast<double>(out[j]) - most);
      result.value[first + i] = static_cast<double>(out[k]) - most - std::log(sum);
      for (Index j = 0; j < logits; ++j)
        d_out[j] = static_cast<float>((j == k) - std::exp(static_cast<double>(out[j]) - most) / sum);
    }
  };
  FloatRows d_x(x.rows(), x.cols());
  derivative_->forward_backward({x.rows(), scaled.data(), label.data()}, slope, nullptr, d_x.data());
  result.gradient = d_x.cast<double>().colwise() * input;
  return result;
}

}  // namespace scoresde
