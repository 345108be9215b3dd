#pragma once
#include <cstdlib>
#include <memory>
#include <vector>

#include "engine/simd.h"

namespace scoresde {

using simd::Size;

/// Where the value of a node lives during a run: `rows` rows of `channels` channels a sample, `stride` apart (a member
/// of a concatenation is a strip of its columns). What depends on the time label and the class alone is `shared` by all
/// samples of a run and computed once.
struct Place {
  bool shared = false;
  Size buffer = 0;   ///< floats a sample before the buffer
  Size channel = 0;  ///< first column
  Size stride = 0, rows = 0, channels = 0;
};

/// One pass over `samples` samples by one thread, or its share of a pass by a team of `parts`.
struct Run {
  float* memory;
  float* shared;
  float* scratch;  ///< of this part alone
  Size samples;
  Size part = 0, parts = 1;

  simd::Map map(const Place& place) const {
    return {(place.shared ? shared + place.buffer : memory + place.buffer * samples) + place.channel, place.stride};
  }
  simd::ConstMap source(const Place& place) const { return {map(place).data, place.stride}; }
  Size rows(const Place& place) const { return place.shared ? place.rows : place.rows * samples; }

  using Share = simd::Range;
  /// This part's share of n things.
  Share share(Size n) const { return {n * part / parts, n * (part + 1) / parts}; }
};

/// One step of a plan, read-only and used by all threads at once.
class Kernel {
 public:
  virtual ~Kernel() = default;
  virtual void run(const Run& run) const = 0;

  /// Floats of scratch memory that a run over `samples` samples needs.
  virtual Size scratch(Size) const { return 0; }
};

using KernelPtr = std::unique_ptr<Kernel>;

/// Floats that start at zero, aligned to a cache line; large ones on large pages, where the system has them: weights of
/// some 10 MB a layer are read at a stride that small pages have no translations for.
class AlignedFloats {
 public:
  explicit AlignedFloats(Size size = 0);
  float* data() { return values_.get(); }
  const float* data() const { return values_.get(); }

 private:
  struct Free {
    std::size_t mapped;  ///< bytes; 0: from the heap
    void operator()(float* values) const;
  };
  std::unique_ptr<float[], Free> values_{nullptr, Free{0}};
};

/// What a convolution or a linear map does with its sums besides adding its own bias.
struct Absorbed {
  const Place* more_bias = nullptr;  ///< a shared row, such as a time embedding
  const Place* residual = nullptr;
  double scale = 1;
};

struct ConvShape {
  Size in_height, in_width, height, width;
  int kernel = 1, stride = 1, padding = 0, dilation = 1;  ///< padding: zeros before the first pixel of an axis
};

// One maker a kind of step; weights are as in the checkpoint, and copied. bias may be null.
KernelPtr make_conv(const ConvShape& shape, const float* weight, const float* bias, const Place& x, const Place& y,
                    const Absorbed& absorbed);
KernelPtr make_winograd(const ConvShape& shape, const float* weight, const float* bias, const Place& x, const Place& y,
                        const Absorbed& absorbed);
/// Whether a convolution is done by Winograd's method: a fixed rule of its shape, so that bits depend on nothing else.
bool prefers_winograd(const ConvShape& shape, Size in, Size out);

KernelPtr make_group_norm(int groups, const float* weight, const float* bias, double epsilon, bool silu, const Place& x,
                          const Place& y);
KernelPtr make_attention(int heads, const Place& q, const Place& k, const Place& v, const Place& y);
KernelPtr make_activation(simd::Activation activation, double slope, const Place& x, const Place& y);
/// [gamma, alpha, beta] of each sample in `affine`, or one of each for all; `biased`: the variance over channels.
KernelPtr make_instance_norm_plus(const float* gamma, const float* alpha, const float* beta, const Place* affine,
                                  double epsilon, bool biased, const Place& x, const Place& y);
/// (1 + s) x + t with [s, t] of each sample in one row.
KernelPtr make_modulate(const Place& x, const Place& scale_shift, const Place& y);
/// b may have one row that serves all rows of a sample.
KernelPtr make_add(const Place& a, const Place& b, double scale, const Place& y);
KernelPtr make_copy(const Place& x, const Place& y);
KernelPtr make_divide_exp(const Place& x, const Place& exponent, const Place& y);
KernelPtr make_global_mean(const Place& x, const Place& y);
KernelPtr make_max_pool(const ConvShape& shape, const Place& x, const Place& y);
/// (H, W, C p^2) from (H p, W p, C), and back; channel (c p + i) p + j is pixel (i, j) of a patch.
KernelPtr make_space_to_depth(Size height, Size width, int patch, const Place& x, const Place& y);
KernelPtr make_depth_to_space(Size height, Size width, int patch, const Place& x, const Place& y);
KernelPtr make_label(double scale, double offset, bool log, const Place& label, const Place& y);
KernelPtr make_fourier(const float* frequencies, const Place& label, const Place& y);
KernelPtr make_positional(double largest, const Place& label, const Place& y);
KernelPtr make_level(double last, const Place& label, const Place& y);
KernelPtr make_embedding(const float* table, Size rows, const Place& index, const Place& y);

}  // namespace scoresde
