#include "train/optimizer.h"

#include <ATen/Parallel.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <cmath>

namespace scoresde {
namespace {

constexpr std::int64_t norm_block = 4096;

template <class Real>
double block_square_sum(const Real* g, std::int64_t n) {
  double parts[4] = {0, 0, 0, 0};
  for (std::int64_t j = 0; j < n; ++j) parts[j & 3] += static_cast<double>(g[j]) * static_cast<double>(g[j]);
  return (parts[0] + parts[1]) + (parts[2] + parts[3]);
}

// Blocks of a fixed length, whichever thread sums them.
template <class Real>
double square_sum(const at::Tensor& gradient) {
  const Real* data = gradient.data_ptr<Real>();
  const std::int64_t n = gradient.numel(), blocks = (n + norm_block - 1) / norm_block;
  std::vector<double> sums(static_cast<std::size_t>(blocks));
  at::parallel_for(0, blocks, 16, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t b = first; b < last; ++b)
      sums[static_cast<std::size_t>(b)] =
          block_square_sum(data + b * norm_block, std::min(norm_block, n - b * norm_block));
  });
  double total = 0;
  for (double sum : sums) total += sum;
  return total;
}

// The numbers of one update.
struct AdamStep {
  double lr, factor, decoupled, joined, beta1, beta2, rate, root_scale, epsilon, ema_decay;
};

// The update on plain memory: one pass over five arrays.
template <class Real>
void update_in_memory(at::Tensor& p, at::Tensor& m, at::Tensor& v, at::Tensor& ema, const at::Tensor& g,
                      const AdamStep& s) {
  Real *ps = p.data_ptr<Real>(), *ms = m.data_ptr<Real>(), *vs = v.data_ptr<Real>(), *es = ema.data_ptr<Real>();
  const Real* gs = g.data_ptr<Real>();
  const auto shrink = static_cast<Real>(1 - s.lr * s.decoupled), factor = static_cast<Real>(s.factor);
  const auto joined = static_cast<Real>(s.joined), beta1 = static_cast<Real>(s.beta1),
             beta2 = static_cast<Real>(s.beta2);
  const auto rest1 = static_cast<Real>(1 - s.beta1), rest2 = static_cast<Real>(1 - s.beta2);
  const auto rate = static_cast<Real>(s.rate), root_scale = static_cast<Real>(s.root_scale);
  const auto epsilon = static_cast<Real>(s.epsilon), decay = static_cast<Real>(s.ema_decay);
  at::parallel_for(0, p.numel(), 16384, [=](std::int64_t first, std::int64_t last) {
    for (std::int64_t j = first; j < last; ++j) {
      const Real gradient = factor * gs[j] + joined * ps[j];
      ms[j] = beta1 * ms[j] + rest1 * gradient;
      vs[j] = beta2 * vs[j] + rest2 * gradient * gradient;
      ps[j] = shrink * ps[j] - rate * ms[j] / (std::sqrt(vs[j]) * root_scale + epsilon);
      es[j] = ps[j] + decay * (es[j] - ps[j]);
    }
  });
}

// The same for tensors on other devices.
void update_on_device(at::Tensor& p, at::Tensor& m, at::Tensor& v, at::Tensor& ema, const at::Tensor& gradient,
                      const AdamStep& s) {
  const at::Tensor g = gradient * s.factor + p * s.joined;
  m.mul_(s.beta1).add_(g * (1 - s.beta1));
  v.mul_(s.beta2).add_(g * g * (1 - s.beta2));
  p.mul_(1 - s.lr * s.decoupled).sub_(m * s.rate / (v.sqrt() * s.root_scale + s.epsilon));
  ema.copy_(p + (ema - p) * s.ema_decay);
}

}  // namespace

double learning_rate(const OptimizerConfig& config, long long update, double share) {
  const double rise = config.warmup > 0 ? std::min(static_cast<double>(update) / config.warmup, 1.0) : 1;
  const double fall = config.decay > 0 ? std::clamp((1 - share) / config.decay, 0.0, 1.0) : 1;
  return config.lr * rise * fall;
}

double global_norm(std::span<const at::Tensor> gradients) {
  double total = 0;
  for (const at::Tensor& gradient : gradients) {
    if (!gradient.defined()) continue;
    const at::Tensor g = gradient.to(at::kCPU).contiguous();
    total += g.scalar_type() == at::kDouble ? square_sum<double>(g) : square_sum<float>(g);
  }
  return std::sqrt(total);
}

double clip_factor(const OptimizerConfig& config, double norm) {
  if (config.clip <= 0) return 1;
  if (config.clip_rule == "norm+1e-6") return std::min(1.0, config.clip / (norm + 1e-6));
  return config.clip / std::max(norm, config.clip);
}

Adam::Adam(const OptimizerConfig& config, std::vector<at::Tensor> parameters, std::vector<at::Tensor> averages)
    : config_(config), parameters_(std::move(parameters)), averages_(std::move(averages)) {
  if (config.name != "adam" && config.name != "adamw")
    fail(Failure::usage, "no optimizer '{}'; there are adam, adamw", config.name);
  if (config.clip_rule != "norm" && config.clip_rule != "norm+1e-6")
    fail(Failure::usage, "no clip rule '{}'; there are norm, norm+1e-6", config.clip_rule);
  for (const at::Tensor& p : parameters_) {
    m_.push_back(at::zeros_like(p.detach()));
    v_.push_back(at::zeros_like(p.detach()));
  }
}

void Adam::update(std::span<const at::Tensor> gradients, double lr, double factor, double ema_decay) {
  const at::NoGradGuard guard;
  ++updates_;
  const auto n = static_cast<double>(updates_);
  const bool decoupled = config_.name == "adamw";
  const AdamStep step{lr,
                      factor,
                      decoupled ? config_.weight_decay : 0,
                      decoupled ? 0 : config_.weight_decay,
                      config_.beta1,
                      config_.beta2,
                      lr / (1 - std::pow(config_.beta1, n)),
                      1 / std::sqrt(1 - std::pow(config_.beta2, n)),
                      config_.epsilon,
                      ema_decay};
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    at::Tensor &p = parameters_[i], &ema = averages_[i];
    const at::Tensor g = gradients[i].defined() ? gradients[i].contiguous() : at::zeros_like(p);
    if (!p.device().is_cpu() || !p.is_contiguous() || !ema.is_contiguous())
      update_on_device(p, m_[i], v_[i], ema, g, step);
    else if (p.scalar_type() == at::kDouble)
      update_in_memory<double>(p, m_[i], v_[i], ema, g, step);
    else
      update_in_memory<float>(p, m_[i], v_[i], ema, g, step);
  }
}

double ema_decay(const EmaConfig& config, long long update, double images_per_update, double images) {
  if (config.rate > 0) {
    const auto n = static_cast<double>(update);
    return std::min(config.rate, (1 + n) / (10 + n));
  }
  const double half_life = config.ramp > 0 ? std::min(config.half_life, config.ramp * images) : config.half_life;
  return half_life > 0 ? std::exp2(-images_per_update / half_life) : 0;
}

}  // namespace scoresde
