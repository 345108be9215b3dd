#include "train/optimizer.h"

#include <ATen/Parallel.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <cmath>

#include "train/adam_kernel.h"

namespace scoresde {
namespace {

constexpr std::int64_t piece_length = 4096;  // of five arrays: what a first-level cache holds several times over
constexpr std::int64_t pieces_at_once = 4;

// Consecutive elements of one of several tensors.
struct Piece {
  std::size_t tensor;
  std::int64_t first, count;
};

// All elements of all tensors in pieces of a fixed length, so that one parallel loop serves a hundred small tensors and
// sums do not depend on who computes them.
std::vector<Piece> pieces_of(std::span<const at::Tensor> tensors) {
  std::vector<Piece> pieces;
  for (std::size_t i = 0; i < tensors.size(); ++i)
    for (std::int64_t first = 0; first < tensors[i].numel(); first += piece_length)
      pieces.push_back({i, first, std::min(piece_length, tensors[i].numel() - first)});
  return pieces;
}

template <class Work>
void each_piece(std::span<const Piece> pieces, const Work& work) {
  at::parallel_for(0, static_cast<std::int64_t>(pieces.size()), pieces_at_once,
                   [&](std::int64_t first, std::int64_t last) {
                     for (std::int64_t k = first; k < last; ++k) work(static_cast<std::size_t>(k));
                   });
}

template <class Real>
void update_piece(const AdamNumbers<double>& s, const Piece& piece, const at::Tensor& gradient, const at::Tensor& p,
                  const at::Tensor& m, const at::Tensor& v, const at::Tensor& ema) {
  const auto as = [](double number) { return static_cast<Real>(number); };
  const AdamNumbers<Real> numbers{as(s.factor), as(s.joined), as(s.beta1),      as(s.rest1),   as(s.beta2), as(s.rest2),
                                  as(s.shrink), as(s.rate),   as(s.root_scale), as(s.epsilon), as(s.decay)};
  static constexpr Real zeros[piece_length] = {};
  const auto at = [&](const at::Tensor& tensor) { return tensor.data_ptr<Real>() + piece.first; };
  adam_update(numbers, {gradient.defined() ? at(gradient) : zeros, at(p), at(m), at(v), at(ema)}, piece.count);
}

// The same for tensors on other devices.
void update_on_device(const AdamNumbers<double>& s, const at::Tensor& gradient, at::Tensor& p, at::Tensor& m,
                      at::Tensor& v, at::Tensor& ema) {
  const at::Tensor g = (gradient.defined() ? gradient * s.factor : at::zeros_like(p)) + p * s.joined;
  m.mul_(s.beta1).add_(g * s.rest1);
  v.mul_(s.beta2).add_(g * g * s.rest2);
  p.mul_(s.shrink).sub_(m * s.rate / (v.sqrt() * s.root_scale + s.epsilon));
  ema.copy_(p + (ema - p) * s.decay);
}

bool is_plain_memory(const at::Tensor& tensor) { return tensor.device().is_cpu() && tensor.is_contiguous(); }

}  // namespace

double learning_rate(const OptimizerConfig& config, long long update, double share) {
  const double rise = config.warmup > 0 ? std::min(static_cast<double>(update) / config.warmup, 1.0) : 1;
  const double fall = config.decay > 0 ? std::clamp((1 - share) / config.decay, 0.0, 1.0) : 1;
  return config.lr * rise * fall;
}

double global_norm(std::span<const at::Tensor> gradients) {
  std::vector<at::Tensor> here;
  for (const at::Tensor& gradient : gradients)
    if (gradient.defined()) here.push_back(gradient.to(at::kCPU).contiguous());
  const std::vector<Piece> pieces = pieces_of(here);
  std::vector<double> sums(pieces.size());
  each_piece(pieces, [&](std::size_t k) {
    const auto& [tensor, first, count] = pieces[k];
    const at::Tensor& g = here[tensor];
    sums[k] = g.scalar_type() == at::kDouble ? square_sum(g.data_ptr<double>() + first, count)
                                             : square_sum(g.data_ptr<float>() + first, count);
  });
  double total = 0;
  for (double sum : sums) total += sum;
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
  const AdamNumbers<double> numbers{.factor = factor,
                                    .joined = decoupled ? 0 : config_.weight_decay,
                                    .beta1 = config_.beta1,
                                    .rest1 = 1 - config_.beta1,
                                    .beta2 = config_.beta2,
                                    .rest2 = 1 - config_.beta2,
                                    .shrink = 1 - lr * (decoupled ? config_.weight_decay : 0),
                                    .rate = lr / (1 - std::pow(config_.beta1, n)),
                                    .root_scale = 1 / std::sqrt(1 - std::pow(config_.beta2, n)),
                                    .epsilon = config_.epsilon,
                                    .decay = ema_decay};
  std::vector<at::Tensor> g;
  for (const at::Tensor& gradient : gradients) g.push_back(gradient.defined() ? gradient.contiguous() : gradient);
  std::vector<Piece> pieces = pieces_of(parameters_);
  std::erase_if(pieces, [&](const Piece& piece) { return !in_memory(piece.tensor); });
  each_piece(pieces, [&](std::size_t k) {
    const std::size_t i = pieces[k].tensor;
    const auto update = parameters_[i].scalar_type() == at::kDouble ? update_piece<double> : update_piece<float>;
    update(numbers, pieces[k], g[i], parameters_[i], m_[i], v_[i], averages_[i]);
  });
  for (std::size_t i = 0; i < parameters_.size(); ++i)
    if (!in_memory(i)) update_on_device(numbers, g[i], parameters_[i], m_[i], v_[i], averages_[i]);
}

bool Adam::in_memory(std::size_t i) const { return is_plain_memory(parameters_[i]) && is_plain_memory(averages_[i]); }

double ema_decay(const EmaConfig& config, long long update, double images_per_update, double images) {
  if (config.rate > 0) {
    const auto n = static_cast<double>(update);
    return std::min(config.rate, (1 + n) / (10 + n));
  }
  const double half_life = config.ramp > 0 ? std::min(config.half_life, config.ramp * images) : config.half_life;
  return half_life > 0 ? std::exp2(-images_per_update / half_life) : 0;
}

}  // namespace scoresde
