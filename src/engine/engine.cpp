#include "engine/engine.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <set>
#include <utility>

#include "core/clock.h"
#include "core/error.h"
#include "net/net_config.h"

namespace scoresde {
namespace {

// Threads of a team wait for each other after every step, some 200 times a network.
class Barrier {
 public:
  explicit Barrier(std::size_t parties) : parties_(parties) {}

  void wait() {
    const std::uint32_t round = round_;
    if (++arrived_ < parties_) return wait_for_change(round_, round);
    arrived_ = 0;
    ++round_;
    round_.notify_all();
  }

 private:
  std::size_t parties_;
  std::atomic<std::size_t> arrived_{0};
  std::atomic<std::uint32_t> round_{0};
};

bool same_bits(double a, double b) { return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b); }

}  // namespace

// What a worker computes in. `shared` keeps the values of the last label and class it saw.
struct Engine::Memory {
  AlignedFloats values, shared, scratch;
  double label = std::nan("");
  int class_index = -2;
};

// Consecutive rows of one time label.
struct Engine::Chunk {
  Index first, count;
};

struct Engine::Task {
  const Batch& x;
  const Times& label;
  int class_index;
  Batch& result;
};

Engine::~Engine() = default;

Engine::Engine(const ModelSpec& spec, const std::map<std::string, Tensor>& weights, int threads, const Tuning& tuning)
    : Engine(build_net(spec.net, spec.shape), weights, threads, tuning) {}

Engine::Engine(const Graph& graph, const std::map<std::string, Tensor>& weights, int threads, const Tuning& tuning)
    : Engine(graph, FloatWeights(graph, weights), threads, tuning) {}

Engine::Engine(Graph graph, FloatWeights weights, int threads, const Tuning& tuning)
    : graph_(std::move(graph)), workers_(static_cast<std::size_t>(std::max(1, threads))) {
  std::set<int> read;
  plan_ = compile(
      graph_,
      [&](int i) {
        read.insert(i);
        return weights.pointers()[static_cast<std::size_t>(i)];
      },
      tuning,
      [&] {
        for (const int i : std::exchange(read, {})) weights.release(i);
      });
  samples_at_once_ = rows_together(graph_, plan_.floats_a_sample);
  for (std::size_t i = 0; i < workers_.workers(); ++i)
    memories_.push_back(std::make_unique<Memory>(Memory{AlignedFloats(plan_.floats_a_sample * samples_at_once_),
                                                        AlignedFloats(plan_.shared_floats),
                                                        AlignedFloats(plan_.scratch(samples_at_once_))}));
}

std::vector<Engine::Chunk> Engine::chunks_of(const Times& label) const {
  const auto workers = static_cast<Index>(workers_.workers());
  const auto shared_out = [](Index rows, Index pieces) { return (rows + pieces - 1) / pieces; };
  const Index a_worker = std::max<Index>(1, shared_out(label.size(), workers));
  const Index most = shared_out(a_worker, shared_out(a_worker, samples_at_once_));  // pieces as equal as they can be
  std::vector<Chunk> chunks;
  for (Index i = 0; i < label.size(); ++i) {
    if (!chunks.empty() && chunks.back().count < most && same_bits(label[i], label[i - 1]))
      ++chunks.back().count;
    else
      chunks.push_back({i, 1});
  }
  return chunks;
}

void Engine::compute_shared(Memory& memory, double label, int class_index) const {
  if (same_bits(memory.label, label) && memory.class_index == class_index) return;
  const Run run{memory.values.data(), memory.shared.data(), memory.scratch.data(), 1};
  if (plan_.label.rows > 0) *run.map(plan_.label).data = static_cast<float>(label);
  if (plan_.class_label.rows > 0)
    *run.map(plan_.class_label).data = static_cast<float>(class_index < 0 ? graph_.classes : class_index);
  for (const KernelPtr& step : plan_.shared_steps) step->run(run);
  memory.label = label;
  memory.class_index = class_index;
}

void Engine::fill(const Run& run, const Batch& x, Index first) const {
  const simd::Map input = run.map(plan_.input);
  const Size pixels = plan_.input.rows;
  for (Index sample = 0; sample < run.samples; ++sample)
    for (Size pixel = 0; pixel < pixels; ++pixel)
      for (Size channel = 0; channel < plan_.input.channels; ++channel)
        input.data[(sample * pixels + pixel) * input.stride + channel] =
            static_cast<float>(x(first + sample, channel * pixels + pixel));
}

void Engine::collect(const Run& run, Index first, Batch& result) const {
  const simd::ConstMap output = run.source(plan_.output);
  const Size pixels = plan_.output.rows;
  for (Index sample = 0; sample < run.samples; ++sample)
    for (Size pixel = 0; pixel < pixels; ++pixel)
      for (Size channel = 0; channel < plan_.output.channels; ++channel)
        result(first + sample, channel * pixels + pixel) =
            static_cast<double>(output.data[(sample * pixels + pixel) * output.stride + channel]);
}

void Engine::evaluate(const Chunk& chunk, Memory& memory, const Task& task) const {
  compute_shared(memory, task.label[chunk.first], task.class_index);
  const Run run{memory.values.data(), memory.shared.data(), memory.scratch.data(), chunk.count};
  fill(run, task.x, chunk.first);
  for (const KernelPtr& step : plan_.steps) step->run(run);
  collect(run, chunk.first, task.result);
}

// Fewer rows than workers: all of them share every step. A step splits over its outputs only, so sums keep their order.
void Engine::evaluate_together(const Chunk& chunk, const Task& task) const {
  Memory& memory = *memories_.front();
  compute_shared(memory, task.label[chunk.first], task.class_index);
  const Run whole{memory.values.data(), memory.shared.data(), memory.scratch.data(), chunk.count};
  fill(whole, task.x, chunk.first);
  Barrier barrier(workers_.workers());
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
  collect(whole, chunk.first, task.result);
}

Batch Engine::operator()(const Batch& x, const Times& label, std::optional<int> class_index) const {
  if (x.cols() != static_cast<Index>(element_count(graph_.input_shape)) || label.size() != x.rows())
    fail(Failure::usage, "the network takes samples of {} values and a time for each; it got {} x {} and {} times",
         element_count(graph_.input_shape), x.rows(), x.cols(), label.size());
  Batch result(x.rows(), static_cast<Index>(element_count(graph_.output_shape())));
  const Task task{x, label, class_index.value_or(-1), result};
  const std::vector<Chunk> chunks = chunks_of(label);
  if (chunks.size() < workers_.workers()) {
    for (const Chunk& chunk : chunks) evaluate_together(chunk, task);
    return result;
  }
  workers_.run(chunks.size(),
               [&](std::size_t index, std::size_t worker) { evaluate(chunks[index], *memories_[worker], task); });
  return result;
}

std::vector<double> Engine::node_seconds(const Batch& x, double label) const {
  Memory& memory = *memories_.front();
  compute_shared(memory, label, -1);
  const Run run{memory.values.data(), memory.shared.data(), memory.scratch.data(),
                std::min(x.rows(), samples_at_once_)};
  fill(run, x, 0);
  std::vector<double> seconds(graph_.nodes.size());
  for (std::size_t i = 0; i < plan_.steps.size(); ++i) {
    const Stopwatch watch;
    plan_.steps[i]->run(run);
    seconds[static_cast<std::size_t>(plan_.step_nodes[i])] += watch.seconds();
  }
  return seconds;
}

}  // namespace scoresde
