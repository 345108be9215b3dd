#include "engine/gradient.h"

#include <algorithm>

#include "core/error.h"
#include "engine/simd_mask.h"

namespace scoresde {
namespace {

// Rows of C x H x W numbers into a map of pixels by channels, and back.
void fill_map(const Run& run, const Place& place, const float* rows) {
  const simd::Map map = run.map(place);
  for (Size sample = 0; sample < run.samples; ++sample)
    for (Size pixel = 0; pixel < place.rows; ++pixel)
      for (Size channel = 0; channel < place.channels; ++channel)
        map.data[(sample * place.rows + pixel) * map.stride + channel] =
            rows[(sample * place.channels + channel) * place.rows + pixel];
}

void collect_map(const Run& run, const Place& place, float* rows) {
  const simd::ConstMap map = run.source(place);
  for (Size sample = 0; sample < run.samples; ++sample)
    for (Size pixel = 0; pixel < place.rows; ++pixel)
      for (Size channel = 0; channel < place.channels; ++channel)
        rows[(sample * place.channels + channel) * place.rows + pixel] =
            map.data[(sample * place.rows + pixel) * map.stride + channel];
}

void fill_mask(const Run& run, const GradientPlan::Mask& mask, const DropoutNoise* noise, Index first,
               std::span<float> values) {
  const Place& place = mask.place;
  const simd::Map map = run.map(place);
  if (!noise) std::fill(values.begin(), values.end(), 1.0f);
  for (Size sample = 0; sample < run.samples; ++sample) {
    if (noise)
      simd::dropout_mask(philox_stream({.seed = noise->seed,
                                        .purpose = Purpose::dropout,
                                        .sample = noise->samples[static_cast<std::size_t>(first + sample)],
                                        .step = noise->step,
                                        .draw = static_cast<std::uint32_t>(mask.node)}),
                         mask.rate, values.data(), place.rows * place.channels);
    for (Size pixel = 0; pixel < place.rows; ++pixel)
      std::copy_n(values.data() + pixel * place.channels, place.channels,
                  map.data + (sample * place.rows + pixel) * map.stride);
  }
}

// The sums of all workers, in their order, as a checkpoint has the parameter.
void collect_sum(const GradientPlan::ParameterSum& sum, Size count, std::span<const float* const> workers, float* out) {
  const auto total = [&](Size at) {
    float value = 0;
    for (const float* sums : workers) value += sums[sum.offset + at];
    return value * sum.scale;
  };
  if (!sum.tiles) {
    for (Size i = 0; i < count; ++i) out[i] = total(i);
    return;
  }
  const WeightSum& w = sum.weights;
  for (Size tap = 0; tap < w.taps; ++tap)
    for (Size c = 0; c < w.in; ++c)
      for (Size n = 0; n < w.out; ++n) {
        const Size tile = (tap * w.in_blocks() + c / simd::block) * w.out_blocks() + n / simd::block;
        const Size at = (tile * simd::block + c % simd::block) * simd::block + n % simd::block;
        out[sum.turned ? c * w.out + n : (n * w.in + c) * w.taps + tap] = total(at);
      }
}

}  // namespace

// What a chunk's values live in.
struct Differentiator::Memory {
  AlignedFloats values;
  Size floats = 0;

  void reserve(Size wanted) {
    if (wanted <= floats) return;
    values = AlignedFloats(wanted);
    floats = wanted;
  }
};

struct Differentiator::Worker {
  AlignedFloats scratch, sums;
  std::vector<float> mask;        // of one sample
  std::vector<float> out, d_out;  // of the chunk at hand
};

Differentiator::~Differentiator() = default;

Differentiator::Differentiator(const Graph& graph, Derivatives wanted, int threads)
    : graph_(graph), plan_(compile_gradient(graph, wanted)), pool_(static_cast<std::size_t>(std::max(1, threads))) {
  samples_at_once_ = rows_together(graph_, plan_.floats_a_sample);
}

void Differentiator::set_weights(std::span<const float* const> weights) {
  if (weights.size() != graph_.parameters.size())
    fail(Failure::usage, "the network has {} parameters and got {}", graph_.parameters.size(), weights.size());
  std::vector<GradientPlan::Step*> steps;
  for (std::vector<GradientPlan::Step>* list : {&plan_.forward, &plan_.backward})
    for (GradientPlan::Step& step : *list)
      if (step.weighted || !step.kernel) steps.push_back(&step);
  const Weights look_up = [&](int parameter) { return weights[static_cast<std::size_t>(parameter)]; };
  pool_.run(steps.size(), [&](std::size_t i, std::size_t) { steps[i]->kernel = steps[i]->make(look_up); });
  if (!workers_.empty()) return;
  Size mask = 0;
  for (const GradientPlan::Mask& m : plan_.masks) mask = std::max(mask, m.place.rows * m.place.channels);
  for (std::size_t i = 0; i < pool_.workers(); ++i)
    workers_.push_back(std::make_unique<Worker>(Worker{AlignedFloats(plan_.scratch(samples_at_once_)),
                                                       AlignedFloats(plan_.sum_floats),
                                                       std::vector<float>(static_cast<std::size_t>(mask)),
                                                       {},
                                                       {}}));
}

// Cuts the rows into chunks; memory for as many as `memories`, 0: for all.
void Differentiator::start(const NetworkRows& rows, std::size_t memories) {
  if (workers_.empty()) fail(Failure::usage, "the network has no weights yet");
  if (rows.dropout && static_cast<Size>(rows.dropout->samples.size()) != rows.count)
    fail(Failure::usage, "dropout needs the ids of {} samples and got {}", rows.count, rows.dropout->samples.size());
  const auto workers = static_cast<Size>(pool_.workers());
  const Size most = std::clamp<Size>((rows.count + workers - 1) / workers, 1, samples_at_once_);
  chunks_.clear();
  for (Size first = 0; first < rows.count; first += most)
    chunks_.push_back({first, std::min(most, rows.count - first)});
  const std::size_t wanted = memories == 0 ? chunks_.size() : memories;
  while (memories_.size() < wanted) memories_.push_back(std::make_unique<Memory>());
  for (std::size_t i = 0; i < wanted; ++i) memories_[i]->reserve(plan_.floats_a_sample * most);
}

// Which worker's sums a chunk adds to is fixed, so that sums of parameters' gradients have an order.
void Differentiator::each_chunk(const ChunkTask& task) {
  const std::size_t workers = pool_.workers();
  pool_.run(workers, [&](std::size_t worker, std::size_t) {
    for (std::size_t i = chunks_.size() * worker / workers; i < chunks_.size() * (worker + 1) / workers; ++i)
      task(chunks_[i], i, worker);
  });
}

Run Differentiator::run_of(const Chunk& chunk, std::size_t memory, std::size_t worker) const {
  return {memories_[memory]->values.data(), workers_[worker]->sums.data(), workers_[worker]->scratch.data(),
          chunk.count};
}

void Differentiator::forward_chunk(const NetworkRows& rows, const Chunk& chunk, const Run& run, float* out,
                                   std::span<float> mask_values) const {
  fill_map(run, plan_.input, rows.x + chunk.first * input_size());
  if (plan_.label.rows > 0) fill_map(run, plan_.label, rows.label + chunk.first);
  if (plan_.class_label.rows > 0)
    for (Size i = 0; i < chunk.count; ++i) {
      const int given = rows.classes ? rows.classes[chunk.first + i] : -1;
      run.map(plan_.class_label).data[i * plan_.class_label.stride] =
          static_cast<float>(given < 0 ? graph_.classes : given);
    }
  for (const GradientPlan::Mask& mask : plan_.masks) fill_mask(run, mask, rows.dropout, chunk.first, mask_values);
  for (const GradientPlan::Step& step : plan_.forward) step.kernel->run(run);
  if (out) collect_map(run, plan_.output, out);
}

void Differentiator::backward_chunk(const Run& run, const float* d_out, float* d_x) const {
  fill_map(run, plan_.d_output, d_out);
  for (const GradientPlan::Step& step : plan_.backward) step.kernel->run(run);
  if (!d_x) return;
  if (plan_.d_input.rows > 0)
    collect_map(run, plan_.d_input, d_x);
  else
    std::fill_n(d_x, run.samples * input_size(), 0.0f);
}

void Differentiator::forward(const NetworkRows& rows, float* out) {
  start(rows, 0);
  each_chunk([&](const Chunk& chunk, std::size_t index, std::size_t worker) {
    forward_chunk(rows, chunk, run_of(chunk, index, worker), out ? out + chunk.first * output_size() : nullptr,
                  workers_[worker]->mask);
  });
}

void Differentiator::backward(const float* d_out, float* d_x, std::span<float* const> d_parameters) {
  clear_sums();
  each_chunk([&](const Chunk& chunk, std::size_t index, std::size_t worker) {
    backward_chunk(run_of(chunk, index, worker), d_out + chunk.first * output_size(),
                   d_x ? d_x + chunk.first * input_size() : nullptr);
  });
  collect_parameters(d_parameters);
}

void Differentiator::forward_backward(const NetworkRows& rows, const Slope& slope, float* out, float* d_x,
                                      std::span<float* const> d_parameters) {
  start(rows, pool_.workers());
  clear_sums();
  const auto floats = static_cast<std::size_t>(samples_at_once_ * output_size());
  for (const auto& worker : workers_) worker->out.resize(floats), worker->d_out.resize(floats);
  each_chunk([&](const Chunk& chunk, std::size_t, std::size_t index) {
    Worker& worker = *workers_[index];
    const Run run = run_of(chunk, index, index);
    forward_chunk(rows, chunk, run, worker.out.data(), worker.mask);
    slope(chunk.first, chunk.count, worker.out.data(), worker.d_out.data());
    backward_chunk(run, worker.d_out.data(), d_x ? d_x + chunk.first * input_size() : nullptr);
    if (out) std::copy_n(worker.out.data(), chunk.count * output_size(), out + chunk.first * output_size());
  });
  collect_parameters(d_parameters);
}

void Differentiator::clear_sums() {
  pool_.run(pool_.workers(),
            [&](std::size_t i, std::size_t) { std::fill_n(workers_[i]->sums.data(), plan_.sum_floats, 0.0f); });
}

void Differentiator::collect_parameters(std::span<float* const> d_parameters) {
  if (d_parameters.empty()) return;
  if (d_parameters.size() != plan_.sums.size())
    fail(Failure::usage, "the network has {} parameters and got {}", plan_.sums.size(), d_parameters.size());
  std::vector<const float*> sums;
  for (const auto& worker : workers_) sums.push_back(worker->sums.data());
  pool_.run(d_parameters.size(), [&](std::size_t i, std::size_t) {
    if (!d_parameters[i]) return;
    const Size count = element_count(graph_.parameters[i].shape);
    if (plan_.sums[i].offset < 0)
      std::fill_n(d_parameters[i], count, 0.0f);
    else
      collect_sum(plan_.sums[i], count, sums, d_parameters[i]);
  });
}

}  // namespace scoresde
