#include "engine/engine_score.h"

#include <algorithm>
#include <atomic>
#include <bit>

#include "core/catalog.h"
#include "core/error.h"

namespace scoresde {
namespace {

// Threads of a team wait for each other some 200 times a network: spinning, because waking takes longer than a step;
// but not for ever, because the other one may have lost its core.
class SpinBarrier {
 public:
  explicit SpinBarrier(std::size_t parties) : parties_(parties) {}

  void wait() {
    const std::uint32_t round = round_.load();
    if (arrived_.fetch_add(1) + 1 == parties_) {
      arrived_.store(0);
      round_.fetch_add(1);
      return;
    }
    for (int spins = 0; round_.load() == round; ++spins)
      if (spins > 2000) std::this_thread::yield();
  }

 private:
  std::size_t parties_;
  std::atomic<std::size_t> arrived_{0};
  std::atomic<std::uint32_t> round_{0};
};

}  // namespace

// What a worker computes in. `shared` keeps the values of the last label it saw.
struct EngineScore::Memory {
  AlignedFloats values, shared, scratch;
  double label = std::nan("");
};

// Consecutive rows of one time label.
struct EngineScore::Chunk {
  Index first, count;
};

EngineScore::~EngineScore() = default;

EngineScore::EngineScore(const Model& model, std::optional<int> class_index, int threads)
    : spec_(model.spec),
      class_index_(class_index),
      sde_(make_sde(spec_.sde)),
      prediction_(&find_entry("prediction", predictions(), spec_.net.prediction)),
      workers_(static_cast<std::size_t>(std::max(1, threads))) {
  const Graph graph = build_net(spec_.net, spec_.shape);
  classes_ = graph.classes;
  if (graph.output_shape() != graph.input_shape)
    fail(Failure::usage, "the network '{}' gives no score", spec_.net.name);
  if (class_index && (*class_index < 0 || *class_index >= classes_))
    fail(Failure::usage, "class {}: the model has {} classes", *class_index, classes_);
  check_weights(graph, model.weights, "the model");
  std::vector<std::vector<float>> converted(graph.parameters.size());
  for (std::size_t i = 0; i < graph.parameters.size(); ++i) {
    const Tensor& tensor = model.weights.at(graph.parameters[i].name);
    if (tensor.dtype == Dtype::f64)
      converted[i].assign(tensor.f64().begin(), tensor.f64().end());
    else
      converted[i].assign(tensor.f32().begin(), tensor.f32().end());
  }
  plan_ = compile(graph, [&](int i) { return converted[static_cast<std::size_t>(i)].data(); });
  // Enough rows to use a layer's weights well; more of a small network, whose values then still fit the caches.
  samples_at_once_ = std::clamp<Index>((Index{1} << 18) / plan_.floats_a_sample, 8, 64);
  for (std::size_t i = 0; i < workers_.workers(); ++i)
    memories_.push_back(std::make_unique<Memory>(Memory{AlignedFloats(plan_.floats_a_sample * samples_at_once_),
                                                        AlignedFloats(plan_.shared_floats),
                                                        AlignedFloats(plan_.scratch(samples_at_once_))}));
}

std::vector<EngineScore::Chunk> EngineScore::chunks_of(const std::vector<Preconditioning>& at) const {
  const auto rows = static_cast<Index>(at.size());
  const Index fair = (rows + static_cast<Index>(workers_.workers()) - 1) / static_cast<Index>(workers_.workers());
  const Index most = std::clamp<Index>(fair, 1, samples_at_once_);
  std::vector<Chunk> chunks;
  for (Index i = 0; i < rows; ++i) {
    const bool joins = !chunks.empty() && chunks.back().count < most &&
                       std::bit_cast<std::uint64_t>(at[static_cast<std::size_t>(i)].label) ==
                           std::bit_cast<std::uint64_t>(at[static_cast<std::size_t>(i - 1)].label);
    if (joins)
      ++chunks.back().count;
    else
      chunks.push_back({i, 1});
  }
  return chunks;
}

void EngineScore::fill(const Run& run, const Batch& x, Index first, const std::vector<Preconditioning>& at) const {
  const simd::Map input = run.map(plan_.input);
  for (Index sample = 0; sample < run.samples; ++sample) {
    const double scale = at[static_cast<std::size_t>(first + sample)].input;
    const double* const row = x.data() + (first + sample) * x.cols();
    for (Size pixel = 0; pixel < plan_.input.rows; ++pixel)
      for (Size channel = 0; channel < plan_.input.channels; ++channel)
        input.data[(sample * plan_.input.rows + pixel) * input.stride + channel] =
            static_cast<float>(row[channel * plan_.input.rows + pixel] * scale);
  }
}

void EngineScore::collect(const Run& run, const Batch& x, Index first, const std::vector<Preconditioning>& at,
                          Batch& result) const {
  const simd::Map output = run.map(plan_.output);
  for (Index sample = 0; sample < run.samples; ++sample) {
    const Preconditioning& c = at[static_cast<std::size_t>(first + sample)];
    for (Size pixel = 0; pixel < plan_.output.rows; ++pixel)
      for (Size channel = 0; channel < plan_.output.channels; ++channel) {
        const Index column = channel * plan_.output.rows + pixel;
        const float f = output.data[(sample * plan_.output.rows + pixel) * output.stride + channel];
        result(first + sample, column) = c.score_x * x(first + sample, column) + c.score_f * static_cast<double>(f);
      }
  }
}

void EngineScore::label(Memory& memory, double label) const {
  if (std::bit_cast<std::uint64_t>(memory.label) == std::bit_cast<std::uint64_t>(label)) return;
  const Run run{memory.values.data(), memory.shared.data(), memory.scratch.data(), 1};
  if (plan_.label.rows > 0) *run.map(plan_.label).data = static_cast<float>(label);
  if (plan_.class_label.rows > 0)
    *run.map(plan_.class_label).data = static_cast<float>(class_index_.value_or(classes_));
  for (const KernelPtr& step : plan_.shared_steps) step->run(run);
  memory.label = label;
}

void EngineScore::evaluate(const Chunk& chunk, Memory& memory, const Batch& x, const std::vector<Preconditioning>& at,
                           Batch& result) const {
  label(memory, at[static_cast<std::size_t>(chunk.first)].label);
  const Run run{memory.values.data(), memory.shared.data(), memory.scratch.data(), chunk.count};
  fill(run, x, chunk.first, at);
  for (const KernelPtr& step : plan_.steps) step->run(run);
  collect(run, x, chunk.first, at, result);
}

// Fewer rows than workers: all of them share every step. A step splits over its outputs only, so sums keep their order.
void EngineScore::evaluate_together(const Chunk& chunk, const Batch& x, const std::vector<Preconditioning>& at,
                                    Batch& result) const {
  Memory& memory = *memories_.front();
  label(memory, at[static_cast<std::size_t>(chunk.first)].label);
  SpinBarrier barrier(workers_.workers());
  Run whole{memory.values.data(), memory.shared.data(), memory.scratch.data(), chunk.count};
  fill(whole, x, chunk.first, at);
  workers_.run(workers_.workers(), [&](std::size_t part, std::size_t worker) {
    Run run = whole;
    run.scratch = memories_[worker]->scratch.data();
    run.part = static_cast<Size>(part);
    run.parts = static_cast<Size>(workers_.workers());
    for (const KernelPtr& step : plan_.steps) {
      step->run(run);
      barrier.wait();
    }
  });
  collect(whole, x, chunk.first, at, result);
}

Batch EngineScore::operator()(const Batch& x, const Times& t) const {
  if (x.cols() != dimension() || t.size() != x.rows())
    fail(Failure::usage, "the score takes samples of {} values and a time for each; it got {} x {} and {} times",
         dimension(), x.rows(), x.cols(), t.size());
  std::vector<Preconditioning> at;
  for (Index i = 0; i < t.size(); ++i) at.push_back(prediction_->make(*sde_, t[i], spec_.data_std));
  Batch result(x.rows(), x.cols());
  const std::vector<Chunk> chunks = chunks_of(at);
  if (chunks.size() < workers_.workers()) {
    for (const Chunk& chunk : chunks) evaluate_together(chunk, x, at, result);
    return result;
  }
  workers_.run(chunks.size(), [&](std::size_t index, std::size_t worker) {
    evaluate(chunks[index], *memories_[worker], x, at, result);
  });
  return result;
}

}  // namespace scoresde
