#pragma once
#include <span>
#include <vector>

#include "nn/tensor.h"
#include "train/config.h"

namespace scoresde {

/// Learning rate of update n (counted from 0) when `share` of the budget is used up:
/// lr min(n / warmup, 1) min((1 - share) / decay, 1). The very first update has rate 0, as in the reference. Without
/// warm-up and decay: lr.
double learning_rate(const OptimizerConfig& config, long long update, double share);

/// Euclidean norm over all gradients, accumulated in double in an order that the shapes alone fix. A parameter without
/// a gradient counts as zero. Non-finite exactly where a gradient is.
double global_norm(std::span<const at::Tensor> gradients);

/// What gradients are multiplied by so that their global norm is at most `clip` (0: 1).
/// rule "norm": c / max(norm, c), the reference's JAX code; "norm+1e-6": min(1, c / (norm + 1e-6)), its PyTorch code.
double clip_factor(const OptimizerConfig& config, double norm);

/// Adam (Kingma & Ba 2015) with bias correction as in PyTorch,
///   m = b1 m + (1 - b1) g,  v = b2 v + (1 - b2) g^2,  p -= lr / (1 - b1^n) m / (sqrt(v / (1 - b2^n)) + eps),
/// and the moving average of the weights in the same pass over memory: ema = p + decay (ema - p).
/// Weight decay: adam adds wd p to the (clipped) gradient; adamw (Loshchilov & Hutter 2019) shrinks p by lr wd.
class Adam {
 public:
  /// The tensors are changed in place; all lists run in parallel. Error{usage} for an unknown name or clip rule.
  Adam(const OptimizerConfig& config, std::vector<at::Tensor> parameters, std::vector<at::Tensor> averages);

  /// One update with the gradients times `factor`. An undefined gradient leaves its parameter's moments decaying.
  void update(std::span<const at::Tensor> gradients, double lr, double factor, double ema_decay);

  long long updates() const { return updates_; }
  void set_updates(long long updates) { updates_ = updates; }
  std::vector<at::Tensor>& first_moments() { return m_; }
  std::vector<at::Tensor>& second_moments() { return v_; }

 private:
  bool in_memory(std::size_t i) const;  // what one pass over plain memory serves

  OptimizerConfig config_;
  std::vector<at::Tensor> parameters_, averages_, m_, v_;
  long long updates_ = 0;
};

/// Decay of the moving average at update n, counted from 1, of `images_per_update` items, with `images` seen so far:
/// min(rate, (1 + n) / (10 + n)) where a rate is given (the reference); else 2^(-images_per_update / h) with
/// h = min(half_life, ramp images) (Karras et al. 2022, table 7).
double ema_decay(const EmaConfig& config, long long update, double images_per_update, double images);

}  // namespace scoresde
