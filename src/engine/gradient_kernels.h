#pragma once
#include "engine/sink.h"

namespace scoresde {

// One maker a kind of backward step. Gradients of parameters are sums over samples in Run::shared, at an offset (below
// 0: not wanted), onto which every run adds. `scale` multiplies dy where it is taken.

/// Floats of the sum of a product's weight gradient: tiles of 16 inputs x 16 outputs for each tap.
struct WeightSum {
  Size taps, in, out;
  Size in_blocks() const { return simd::round_up(in, simd::block) / simd::block; }
  Size out_blocks() const { return simd::round_up(out, simd::block) / simd::block; }
  Size floats() const { return taps * in_blocks() * out_blocks() * simd::block * simd::block; }
};
KernelPtr make_weight_gradient(const ConvShape& shape, const Place& x, const Place& dy, Size sum);

/// dx of a convolution with weights (out, in, k, k), or (in, out) where `turned`. A sink's scale must be 1.
KernelPtr make_data_gradient(const ConvShape& shape, const float* weight, bool turned, float scale, const Place& dy,
                             const Sink& dx);

KernelPtr make_bias_gradient(const Place& dy, Size sum);

struct NormSums {
  Size weight = -1, bias = -1;
};
KernelPtr make_group_norm_gradient(int groups, const float* weight, const float* bias, double epsilon, bool silu,
                                   const Place& x, const Place& dy, const Sink& dx, const NormSums& sums);

struct InstanceNormPlusParts {
  const float *gamma = nullptr, *alpha = nullptr, *beta = nullptr;  ///< one for all samples, or none:
  Place affine;                                                     ///< [gamma, alpha, beta] of each sample
  bool biased = false;                                              ///< the variance over channels
};
struct InstanceNormPlusSums {
  Size gamma = -1, alpha = -1, beta = -1;
  bool affine = false;  ///< whether `d_affine` is wanted
  Sink d_affine;
};
KernelPtr make_instance_norm_plus_gradient(const InstanceNormPlusParts& parts, double epsilon, const Place& x,
                                           const Place& dy, const Sink& dx, const InstanceNormPlusSums& sums);

/// Of y = (1 + s) x + t; d_row, that of [s, t], only where `row_wanted`.
KernelPtr make_modulate_gradient(const Place& x, const Place& row, const Place& dy, const Sink& dx, bool row_wanted,
                                 const Sink& d_row);

/// Writes, and adds to nothing.
KernelPtr make_attention_gradient(int heads, const Place& q, const Place& k, const Place& v, const Place& dy,
                                  const Place& dq, const Place& dk, const Place& dv);

/// y = x * factor.
KernelPtr make_scaled(const Place& x, float factor, const Sink& y);
/// y = a * b, element by element.
KernelPtr make_multiplied(const Place& a, const Place& b, const Sink& y);
/// y = x plus a row for all pixels of a sample.
KernelPtr make_row_added(const Place& x, const Place& row, float scale, const Place& y);
/// The sum of all pixels of a sample, times `scale`.
KernelPtr make_pixel_sum(const Place& x, float scale, const Sink& y);
/// A row for every pixel of a sample, times `scale`.
KernelPtr make_spread(const Place& row, float scale, const Sink& y);
KernelPtr make_activation_gradient(simd::Activation activation, double slope, const Place& x, const Place& dy,
                                   const Sink& dx);
KernelPtr make_max_pool_gradient(const ConvShape& shape, const Place& x, const Place& dy, const Sink& dx);
KernelPtr make_divide_exp_gradient(const Place& exponent, const Place& dy, const Sink& dx);
KernelPtr make_embedding_gradient(const Place& index, const Place& dy, Size sum);

}  // namespace scoresde
