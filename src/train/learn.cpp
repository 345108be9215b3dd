#include "train/learn.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/catalog.h"
#include "core/sum.h"
#include "nn/threads.h"
#include "score/analytic.h"

namespace scoresde {
namespace {

constexpr int log_snr_bins = 8;

bool is_classifying(const ObjectiveConfig& config) {
  return find_entry("objective", objectives(), config.name).classifies;
}

std::map<std::string, Tensor> by_name(const Graph& graph, const std::vector<std::size_t>& indices,
                                      const std::vector<at::Tensor>& tensors) {
  std::map<std::string, Tensor> result;
  for (std::size_t k = 0; k < indices.size(); ++k) result[graph.parameters[indices[k]].name] = to_tensor(tensors[k]);
  return result;
}

// Copies values into existing tensors, whose owners keep them.
void copy_by_name(const Graph& graph, const std::vector<std::size_t>& indices,
                  const std::map<std::string, Tensor>& from, const std::vector<at::Tensor>& into) {
  const at::NoGradGuard guard;
  for (std::size_t k = 0; k < indices.size(); ++k) {
    const Parameter& parameter = graph.parameters[indices[k]];
    const auto found = from.find(parameter.name);
    if (found == from.end() || found->second.shape != parameter.shape)
      fail(Failure::data, "the training state has no '{}' of the right shape", parameter.name);
    into[k].copy_(from_tensor(found->second, into[k].scalar_type()));
  }
}

std::vector<std::size_t> first_indices(std::size_t n) {
  std::vector<std::size_t> indices(n);
  for (std::size_t i = 0; i < n; ++i) indices[i] = i;
  return indices;
}

// The noise of a batch whose N(0, I) for x_t came with it.
class BatchNoise : public CounterTrainingNoise {
 public:
  BatchNoise(std::uint64_t seed, const ItemBatch& batch, std::uint32_t step, bool low_discrepancy)
      : CounterTrainingNoise(seed, batch.samples, step, low_discrepancy), z_(batch.z) {}

  at::Tensor normal(Purpose purpose, const at::Tensor& like, std::uint32_t draw) const override {
    const bool known = z_.defined() && purpose == Purpose::perturbation && draw == 0;
    return known ? z_ : CounterTrainingNoise::normal(purpose, like, draw);
  }

 private:
  const at::Tensor& z_;
};

}  // namespace

bool trains_on_engine(const RunConfig& config, const Graph& graph) {
  const ObjectiveEntry& objective = find_entry("objective", objectives(), config.objective.name);
  return !config.exact && config.device == "cpu" && !objective.second_derivatives && EngineNetwork::serves(graph);
}

std::unique_ptr<Score> truth_of(const RunConfig& config, const Dataset& data, const Sde& sde) {
  if (!find_entry("objective", objectives(), config.objective.name).oracle) return nullptr;
  const ItemSplit split = split_items(data.count, static_cast<std::size_t>(config.validation.items));
  Batch rows(static_cast<Index>(split.training.size()), data.shape.size());
  std::vector<float> item(static_cast<std::size_t>(rows.cols()));
  for (Index i = 0; i < rows.rows(); ++i) {
    data.item(split.training[static_cast<std::size_t>(i)], item.data());
    rows.row(i) = Eigen::Map<const Eigen::ArrayXf>(item.data(), rows.cols()).cast<double>().transpose();
  }
  return std::make_unique<EmpiricalScore>(sde, std::move(rows));
}

Training::Training(const RunConfig& config, const Dataset& data)
    : config_(config),
      data_(data),
      sde_(make_sde(config.sde)),
      prediction_(find_entry("prediction", predictions(), config.net.prediction)),
      oracle_(truth_of(config, data, *sde_)),
      objective_(make_objective(config.objective, *sde_, oracle_.get())),
      classifies_(is_classifying(config.objective)),
      network_(build_net(config.net, data.shape), static_cast<std::uint64_t>(config.seed)),
      source_(data, config, split_items(data.count, static_cast<std::size_t>(config.validation.items))),
      ahead_([this](std::uint64_t first) { return source_.training(first, config_.batch); }, config.batch) {
  if (const ObjectiveEntry& entry = find_entry("objective", objectives(), config.objective.name);
      !classifies_ && (entry.energy ? !network_.graph().energy : !network_.graph().gives_score()))
    fail(Failure::usage, "objective {} needs {}; the network '{}' is none", entry.name,
         entry.energy ? "an energy (--net energy)" : "a network that gives a score", config.net.name);
  network_.to(at::Device(config.device));
  if (trains_on_engine(config, network_.graph()))
    engine_ = std::make_unique<EngineNetwork>(network_.graph(), threads());
  std::vector<at::Tensor> parameters, averages;
  for (std::size_t i = 0; i < network_.parameters().size(); ++i) {
    const at::Tensor& p = network_.parameters()[i];
    average_.push_back(p.detach().clone());
    if (!network_.graph().parameters[i].trainable) continue;
    trainable_.push_back(i);
    parameters.push_back(p);
    averages.push_back(average_.back());
  }
  adam_ = std::make_unique<Adam>(config.optimizer, std::move(parameters), std::move(averages));
}

// The learner refers to all three.
Learner Training::learner_of(const ItemBatch& batch, const std::vector<at::Tensor>& parameters, bool training) const {
  const Graph& graph = network_.graph();
  const auto with = [this, training, &batch, &parameters, &graph](auto evaluate_graph) {
    return [=, this, &batch, &parameters, &graph](const at::Tensor& x, const at::Tensor& label) {
      return evaluate_graph(
          graph, parameters, x, label, classifies_ ? at::Tensor() : batch.class_labels,
          ForwardOptions{training, static_cast<std::uint64_t>(config_.seed), training_noise, batch.samples});
    };
  };
  if (engine_) {
    const auto by_engine = [this](const Graph&, const auto&... rest) { return (*engine_)(rest...); };
    return Learner(*sde_, prediction_, config_.data_std, with(by_engine));
  }
  if (!graph.energy) return Learner(*sde_, prediction_, config_.data_std, with(evaluate));
  const auto potential = with(evaluate);
  return Learner(*sde_, prediction_, config_.data_std, with(raw_output),
                 [=](const at::Tensor& x, const at::Tensor& label) { return potential(x, label).squeeze(1); });
}

Losses Training::losses_of(const ItemBatch& batch, const std::vector<at::Tensor>& parameters, bool training) const {
  const auto seed = static_cast<std::uint64_t>(config_.seed);
  const Learner learner = learner_of(batch, parameters, training);
  // Validation has a seed of its own, so that runs with different seeds can be compared.
  const BatchNoise noise(training ? seed : 0, batch, training ? training_noise : validation_noise,
                         !training || config_.objective.low_discrepancy);
  const TrainingItems items{batch.x0, batch.labels, batch.samples};
  if (training) objective_->advance(learner, items, noise);
  return (*objective_)(learner, items, noise);
}

std::vector<at::Tensor> Training::gradients() const {
  std::vector<at::Tensor> result;
  for (std::size_t i : trainable_) result.push_back(network_.parameters()[i].grad());
  return result;
}

UpdateReport Training::update(double budget_share) {
  UpdateReport report;
  ItemBatch batch;
  Losses losses;
  for (int pass = 0; pass < config_.accumulation; ++pass) {
    batch = ahead_.take(static_cast<std::uint64_t>(images_));
    images_ += config_.batch;
    if (!report.problem.empty()) continue;  // the items of a bad update are passed over together
    losses = losses_of(batch, network_.parameters(), true);
    const at::Tensor loss = losses.values.mean();
    if (!std::isfinite(loss.item<double>())) {
      report.problem = explain_bad_loss(step_ + 1, batch, losses, network_);
      continue;
    }
    report.loss += loss.item<double>() / config_.accumulation;
    (loss / static_cast<double>(config_.accumulation)).backward();
  }
  ++step_;
  const std::vector<at::Tensor> gradients = this->gradients();
  if (report.problem.empty()) {
    report.grad_norm = global_norm(gradients);
    if (!std::isfinite(report.grad_norm)) {
      std::vector<std::string> names;
      for (std::size_t i : trainable_) names.push_back(network_.graph().parameters[i].name);
      report.problem = explain_bad_gradient(step_, batch, losses, names, gradients);
    }
  }
  if (report.problem.empty()) {
    const double images_per_update = static_cast<double>(config_.batch) * config_.accumulation;
    report.lr = learning_rate(config_.optimizer, adam_->updates(), budget_share);
    report.ema_decay = ema_decay(config_.ema, adam_->updates() + 1, images_per_update, static_cast<double>(images_));
    adam_->update(gradients, report.lr, clip_factor(config_.optimizer, report.grad_norm), report.ema_decay);
  }
  for (std::size_t i : trainable_) network_.parameters()[i].mutable_grad() = at::Tensor();
  return report;
}

ValidationReport Training::validate() const {
  const at::NoGradGuard guard;
  const double high = sde_->log_snr(sde_->t_min()), low = sde_->log_snr(sde_->t_max());
  std::vector<std::vector<double>> bins(log_snr_bins);
  std::vector<double> values, correct;
  for (std::size_t first = 0; first < source_.validation_count(); first += static_cast<std::size_t>(config_.batch)) {
    const std::size_t count = std::min<std::size_t>(config_.batch, source_.validation_count() - first);
    const Losses losses = losses_of(source_.validation(first, count), average_, false);
    for (std::size_t i = 0; i < count; ++i) {
      values.push_back(losses.values[static_cast<std::int64_t>(i)].item<double>());
      if (losses.correct.defined()) correct.push_back(losses.correct[static_cast<std::int64_t>(i)].item<double>());
      if (losses.t.size() == 0) continue;
      const double position = (sde_->log_snr(losses.t[static_cast<Index>(i)]) - low) / (high - low);
      bins[static_cast<std::size_t>(std::clamp(position * log_snr_bins, 0.0, log_snr_bins - 1.0))].push_back(
          values.back());
    }
  }
  const auto mean = [](const std::vector<double>& list) {
    return list.empty() ? std::numeric_limits<double>::quiet_NaN()
                        : ordered_sum(list.data(), list.size()) / static_cast<double>(list.size());
  };
  ValidationReport report{mean(values), mean(correct), {}};
  for (const auto& bin : bins) report.by_log_snr.push_back(mean(bin));
  return report;
}

std::string Training::problem() const {
  for (const auto* tensors : {&network_.parameters(), &average_})
    if (const std::string name = first_not_finite(network_.graph(), *tensors); !name.empty())
      return fmt::format("after step {} {}parameter {} is not finite", step_,
                         tensors == &average_ ? "the average of " : "", name);
  return "";
}

void Training::save(TrainState& state) const {
  state.step = step_;
  state.images = images_;
  state.updates = adam_->updates();
  state.weights = network_.state();
  state.average = by_name(network_.graph(), first_indices(average_.size()), average_);
  state.first_moments = by_name(network_.graph(), trainable_, adam_->first_moments());
  state.second_moments = by_name(network_.graph(), trainable_, adam_->second_moments());
  state.objective.clear();
  for (const auto& [name, tensor] : objective_->carried()) state.objective[name] = to_tensor(tensor);
}

void Training::restore(const TrainState& state) {
  const long long images_per_step = static_cast<long long>(config_.batch) * config_.accumulation;
  if (state.images % images_per_step != 0 || state.images / images_per_step != state.step)
    fail(Failure::data, "the training state has {} items after {} steps of {}", state.images, state.step,
         images_per_step);
  const std::vector<std::size_t> all = first_indices(average_.size());
  copy_by_name(network_.graph(), all, state.weights, network_.parameters());
  copy_by_name(network_.graph(), all, state.average, average_);
  copy_by_name(network_.graph(), trainable_, state.first_moments, adam_->first_moments());
  copy_by_name(network_.graph(), trainable_, state.second_moments, adam_->second_moments());
  std::map<std::string, at::Tensor> carried;
  for (const auto& [name, tensor] : state.objective)
    carried[name] = from_tensor(tensor, at::kFloat).to(at::Device(config_.device));
  objective_->restore(carried);
  adam_->set_updates(state.updates);
  step_ = state.step;
  images_ = state.images;
}

ModelSpec Training::spec() const {
  ModelSpec spec{config_.sde,       config_.net, data_.shape, config_.data_std, data_.name,
                 data_.class_names, {},          {},          images_};
  spec.column_mean.assign(data_.column_mean.begin(), data_.column_mean.end());
  spec.column_std.assign(data_.column_std.begin(), data_.column_std.end());
  return spec;
}

}  // namespace scoresde
