#include <algorithm>
#include <cmath>
#include <vector>

#include "engine/kernel.h"

namespace scoresde {
namespace {

// softmax(q k^T / sqrt(depth)) v over all pixels of a sample, head by head. A part takes some of the queries; keys and
// values are packed by each part for itself, which costs 1/16 of a query's share at 256 pixels.
class AttentionKernel : public Kernel {
 public:
  AttentionKernel(int heads, const Place& q, const Place& k, const Place& v, const Place& y)
      : heads_(heads), depth_(y.channels / heads), pixels_(y.rows), q_(q), k_(k), v_(v), y_(y) {}

  Size scratch(Size) const override {
    return simd::packed_size(depth_, pixels_) + simd::packed_size(pixels_, depth_) +
           queries_at_once * (simd::round_up(depth_, simd::block) + 2 * padded_pixels());
  }

  void run(const Run& run) const override {
    float* const keys = run.scratch;
    float* const values = keys + simd::packed_size(depth_, pixels_);
    float* const rows = values + simd::packed_size(pixels_, depth_);
    const Run::Share share = run.share(pixels_);
    for (Size sample = 0; sample < run.rows(y_) / pixels_; ++sample)
      for (Size head = 0; head < heads_; ++head) {
        const simd::ConstMap k = head_of(run, k_, sample, head), v = head_of(run, v_, sample, head);
        simd::pack_matrix(k.data, 1, k.stride, depth_, pixels_, keys);
        simd::pack_matrix(v.data, v.stride, 1, pixels_, depth_, values);
        for (Size first = share.first; first < share.last; first += queries_at_once)
          attend(run, sample, head, first, std::min(queries_at_once, share.last - first), keys, values, rows);
      }
  }

 private:
  static constexpr Size queries_at_once = 28;

  Size padded_pixels() const { return simd::round_up(pixels_, simd::block); }

  simd::ConstMap head_of(const Run& run, const Place& place, Size sample, Size head) const {
    return {run.source(place).data + sample * pixels_ * place.stride + head * depth_, place.stride};
  }

  void attend(const Run& run, Size sample, Size head, Size first, Size count, const float* keys, const float* values,
              float* memory) const {
    float* const scores = memory;
    float* const packed = memory + queries_at_once * padded_pixels();
    const simd::ConstBlocks queries = blocks_of(head_of(run, q_, sample, head), first, count, depth_, packed);
    simd::multiply(queries, simd::round_up(depth_, simd::block) / simd::block, count, keys, pixels_, {},
                   {scores, padded_pixels()});
    simd::softmax(scores, count, pixels_, padded_pixels(), 1 / std::sqrt(static_cast<float>(depth_)));
    const simd::ConstBlocks weights = blocks_of({scores, padded_pixels()}, 0, count, pixels_, packed);
    const simd::Map y = run.map(y_);
    simd::multiply(weights, padded_pixels() / simd::block, count, values, depth_, {},
                   {y.data + (sample * pixels_ + first) * y.stride + head * depth_, y.stride});
  }

  // Rows as a product takes them: as they stand, or packed where their last block would be a part of one.
  static simd::ConstBlocks blocks_of(simd::ConstMap x, Size first, Size count, Size inner, float* packed) {
    if (inner % simd::block == 0) return simd::ConstBlocks::of({x.data + first * x.stride, x.stride});
    const float* rows[queries_at_once];
    for (Size i = 0; i < count; ++i) rows[i] = x.data + (first + i) * x.stride;
    simd::pack_rows(rows, count, inner, packed);
    return simd::ConstBlocks::packed(packed, count);
  }

  Size heads_, depth_, pixels_;
  Place q_, k_, v_, y_;
};

}  // namespace

KernelPtr make_attention(int heads, const Place& q, const Place& k, const Place& v, const Place& y) {
  return std::make_unique<AttentionKernel>(heads, q, k, v, y);
}

}  // namespace scoresde
