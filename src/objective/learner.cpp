#include "objective/learner.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>

#include "core/error.h"

namespace scoresde {

namespace {

// One field of every sample's preconditioning.
Times preconditioning_column(std::span<const Preconditioning> at, double Preconditioning::*field) {
  Times result(static_cast<Index>(at.size()));
  for (Index i = 0; i < result.size(); ++i) result[i] = at[static_cast<std::size_t>(i)].*field;
  return result;
}

}  // namespace

Learner::Learner(const Sde& sde, const PredictionEntry& prediction, double data_std, Raw raw, Raw potential)
    : sde_(sde), prediction_(prediction), data_std_(data_std), raw_(std::move(raw)), potential_(std::move(potential)) {}

std::vector<Preconditioning> Learner::preconditioning(const Times& t) const {
  std::vector<Preconditioning> result;
  for (double time : t) result.push_back(preconditioning(time));
  return result;
}

at::Tensor Learner::raw(const at::Tensor& x, std::span<const Preconditioning> at) const {
  const Times input = preconditioning_column(at, &Preconditioning::input);
  const Times label = preconditioning_column(at, &Preconditioning::label);
  return raw_(x * per_sample(input, x), per_sample(label, x).reshape({-1}));
}

at::Tensor Learner::score(const at::Tensor& x, const Times& t) const {
  const std::vector<Preconditioning> at = preconditioning(t);
  const Times on_x = preconditioning_column(at, &Preconditioning::score_x);
  const Times on_f = preconditioning_column(at, &Preconditioning::score_f);
  return x * per_sample(on_x, x) + raw(x, at) * per_sample(on_f, x);
}

at::Tensor Learner::energy(const at::Tensor& x, const Times& t) const {
  if (!potential_) fail(Failure::usage, "this objective needs an energy network: --net energy");
  const std::vector<Preconditioning> at = preconditioning(t);
  const Times input = preconditioning_column(at, &Preconditioning::input);
  const Times label = preconditioning_column(at, &Preconditioning::label);
  const Times on_square = -0.5 * preconditioning_column(at, &Preconditioning::score_x);
  const Times on_f = preconditioning_column(at, &Preconditioning::score_f) / input;
  const auto column = [&](const Times& values) { return per_sample(values, x).reshape({-1}); };
  return potential_(x * per_sample(input, x), column(label)) * column(on_f) +
         sample_sum(x.square()) * column(on_square);
}

at::Tensor sample_sum(const at::Tensor& x) { return x.flatten(1).sum(1); }

at::Tensor per_sample(const Times& values, const at::Tensor& like) {
  std::vector<std::int64_t> shape(static_cast<std::size_t>(like.dim()), 1);
  shape[0] = values.size();
  const at::Tensor view = at::from_blob(const_cast<double*>(values.data()), shape, at::kDouble);
  return view.to(like.device(), like.scalar_type(), /*non_blocking=*/false, /*copy=*/true);
}

CounterTrainingNoise::CounterTrainingNoise(std::uint64_t seed, std::span<const std::uint64_t> samples,
                                           std::uint32_t step, bool low_discrepancy)
    : seed_(seed), samples_(samples), step_(step), low_discrepancy_(low_discrepancy) {}

Times CounterTrainingNoise::uniform(Purpose purpose) const {
  Times u(static_cast<Index>(samples_.size()));
  const bool sequence = low_discrepancy_ && purpose == Purpose::time;
  // In 64-bit integers, so that the millionth sample is as exact as the first.
  const std::uint64_t start =
      sequence
          ? static_cast<std::uint64_t>(0x1p64 * scoresde::uniform({.seed = seed_, .purpose = purpose, .step = step_}))
          : 0;
  for (Index i = 0; i < u.size(); ++i) {
    const std::uint64_t sample = samples_[static_cast<std::size_t>(i)];
    u[i] = sequence ? (static_cast<double>((start + sample * 0x9E3779B97F4A7C15ull) >> 12) + 0.5) * 0x1p-52
                    : scoresde::uniform({.seed = seed_, .purpose = purpose, .sample = sample, .step = step_});
  }
  return u;
}

at::Tensor CounterTrainingNoise::normal(Purpose purpose, const at::Tensor& like, std::uint32_t draw) const {
  const bool in_double = like.scalar_type() == at::kDouble;
  const at::Tensor z = at::empty(like.sizes(), at::TensorOptions().dtype(in_double ? at::kDouble : at::kFloat));
  const std::size_t size = static_cast<std::size_t>(z.numel()) / std::max<std::size_t>(samples_.size(), 1);
  for (std::size_t i = 0; i < samples_.size(); ++i) {
    const NoiseAddress address{seed_, purpose, samples_[i], step_, draw};
    if (in_double)
      fill_normal(address, std::span(z.data_ptr<double>() + i * size, size));
    else
      fill_normal(address, std::span(z.data_ptr<float>() + i * size, size));
  }
  return z.to(like.device());
}

}  // namespace scoresde
