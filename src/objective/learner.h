#pragma once
#include <functional>
#include <span>
#include <vector>

#include "core/noise.h"
#include "net/preconditioning.h"
#include "nn/tensor.h"
#include "sde/sde.h"

namespace scoresde {

/// A network in training as an objective sees it: its raw output F and, through the preconditioning, its score; both
/// differentiable in the parameters and in x. A closed form serves as well as a network.
class Learner {
 public:
  /// F(x, label): x as the objective made it times the input factor, (B, ...); label: (B).
  using Raw = std::function<at::Tensor(const at::Tensor& x, const at::Tensor& label)>;

  /// data_std: standard deviation of the data in model units. potential: where F = -grad f, this f(x, label) of shape
  /// (B), x as for raw.
  Learner(const Sde& sde, const PredictionEntry& prediction, double data_std, Raw raw, Raw potential = {});

  const Sde& sde() const { return sde_; }
  double data_std() const { return data_std_; }

  Preconditioning preconditioning(double t) const { return prediction_.make(sde_, t, data_std_); }
  std::vector<Preconditioning> preconditioning(const Times& t) const;

  /// F at x, one preconditioning a sample.
  at::Tensor raw(const at::Tensor& x, std::span<const Preconditioning> at) const;

  /// score_x x + score_f F, one time a sample.
  at::Tensor score(const at::Tensor& x, const Times& t) const;

  /// E with score = -grad E: (score_f / input) f(input x) - score_x ||x||^2 / 2, (B). Error{usage} without a potential.
  at::Tensor energy(const at::Tensor& x, const Times& t) const;

 private:
  const Sde& sde_;
  const PredictionEntry& prediction_;
  double data_std_;
  Raw raw_, potential_;
};

/// One number a sample as a tensor (B, 1, ..., 1) that multiplies tensors like `like`: its format, device and rank.
at::Tensor per_sample(const Times& values, const at::Tensor& like);

/// Sum over a sample's values: (B).
at::Tensor sample_sum(const at::Tensor& x);

/// The random numbers of one batch by what they are for; row k of every result belongs to sample k.
class TrainingNoise {
 public:
  virtual ~TrainingNoise() = default;

  /// One number in (0, 1) a sample.
  virtual Times uniform(Purpose purpose) const = 0;

  /// N(0, I) of the shape, format and device of `like`. `draw` tells repetitions apart.
  virtual at::Tensor normal(Purpose purpose, const at::Tensor& like, std::uint32_t draw = 0) const = 0;
};

/// Philox noise addressed by (seed; purpose, sample, step): the same for any batch size, order and number of threads.
class CounterTrainingNoise : public TrainingNoise {
 public:
  /// `samples` are running counters of training items (not items of the data set: an item met again gets fresh noise);
  /// `step` keeps apart what shares counters (0: training, 1: validation).
  /// low_discrepancy: uniform numbers for Purpose::time are u_0 + k / golden ratio modulo 1 (k the counter, u_0
  /// random): each is uniform still, and any run of consecutive samples covers (0, 1) evenly, which takes most of the
  /// variance over t out of a batch's loss (the idea of Kingma et al. 2021, app. I.1, for an endless sequence).
  CounterTrainingNoise(std::uint64_t seed, std::span<const std::uint64_t> samples, std::uint32_t step,
                       bool low_discrepancy);

  Times uniform(Purpose purpose) const override;
  at::Tensor normal(Purpose purpose, const at::Tensor& like, std::uint32_t draw = 0) const override;

 private:
  std::uint64_t seed_;
  std::span<const std::uint64_t> samples_;
  std::uint32_t step_;
  bool low_discrepancy_;
};

}  // namespace scoresde
