#include <algorithm>
#include <cmath>
#include <utility>

#include "engine/gradient_kernels.h"

namespace scoresde {
namespace {

// With P = softmax(q k^T / sqrt(depth)) and y = P v: dP = dy v^T, dS = P (dP - rows' sums of P dP) / sqrt(depth),
// dq = dS k, dk = dS^T q, dv = P^T dy. P is computed again, some queries at a time.
class AttentionGradient : public Kernel {
 public:
  AttentionGradient(int heads, const Place& q, const Place& k, const Place& v, const Place& dy, const Place& dq,
                    const Place& dk, const Place& dv)
      : heads_(heads),
        depth_(q.channels / heads),
        pixels_(q.rows),
        q_(q),
        k_(k),
        v_(v),
        dy_(dy),
        dq_(dq),
        dk_(dk),
        dv_(dv) {}

  Size scratch(Size) const override {
    return 2 * simd::packed_size(depth_, pixels_) + simd::packed_size(pixels_, depth_) + 2 * sum_floats() +
           queries_at_once * (2 * padded_depth() + 4 * padded_pixels());
  }

  void run(const Run& run) const override {
    Work w;
    float* at = run.scratch;
    const auto take = [&](Size floats) { return std::exchange(at, at + floats); };
    w.keys = take(simd::packed_size(depth_, pixels_));
    w.values = take(simd::packed_size(depth_, pixels_));
    w.keys_back = take(simd::packed_size(pixels_, depth_));
    w.dk = take(sum_floats()), w.dv = take(sum_floats());
    w.queries = take(queries_at_once * padded_depth()), w.slopes = take(queries_at_once * padded_depth());
    w.p = take(queries_at_once * padded_pixels()), w.dp = take(queries_at_once * padded_pixels());
    w.packed_p = take(queries_at_once * padded_pixels()), w.packed_ds = take(queries_at_once * padded_pixels());
    for (Size sample = 0; sample < run.samples; ++sample)
      for (Size head = 0; head < heads_; ++head) run_head(run, sample, head, w);
  }

 private:
  static constexpr Size queries_at_once = 48;

  struct Work {
    float *keys, *values, *keys_back, *dk, *dv, *queries, *slopes, *p, *dp, *packed_p, *packed_ds;
  };

  Size padded_pixels() const { return simd::round_up(pixels_, simd::block); }
  Size padded_depth() const { return simd::round_up(depth_, simd::block); }
  Size sum_floats() const { return padded_pixels() * padded_depth(); }

  simd::Map head_of(const Run& run, const Place& place, Size sample, Size head) const {
    return {run.map(place).data + sample * pixels_ * place.stride + head * depth_, place.stride};
  }

  void run_head(const Run& run, Size sample, Size head, const Work& w) const {
    const simd::Map k = head_of(run, k_, sample, head), v = head_of(run, v_, sample, head);
    simd::pack_matrix(k.data, 1, k.stride, depth_, pixels_, w.keys);
    simd::pack_matrix(v.data, 1, v.stride, depth_, pixels_, w.values);
    simd::pack_matrix(k.data, k.stride, 1, pixels_, depth_, w.keys_back);
    for (Size first = 0; first < pixels_; first += queries_at_once)
      run_queries(run, sample, head, first, std::min(queries_at_once, pixels_ - first), w);
    unpack(w.dk, head_of(run, dk_, sample, head));
    unpack(w.dv, head_of(run, dv_, sample, head));
  }

  void run_queries(const Run& run, Size sample, Size head, Size first, Size count, const Work& w) const {
    const float scale = 1 / std::sqrt(static_cast<float>(depth_));
    const Size blocks = padded_depth() / simd::block, stride = padded_pixels();
    pack(head_of(run, q_, sample, head), first, count, depth_, w.queries);
    pack(head_of(run, dy_, sample, head), first, count, depth_, w.slopes);
    simd::multiply(simd::ConstBlocks::packed(w.queries, count), blocks, count, w.keys, pixels_, {}, {w.p, stride});
    simd::softmax(w.p, count, pixels_, stride, scale);
    simd::multiply(simd::ConstBlocks::packed(w.slopes, count), blocks, count, w.values, pixels_, {}, {w.dp, stride});
    simd::softmax_slope(w.p, w.dp, count, pixels_, stride, scale);
    pack({w.p, stride}, 0, count, pixels_, w.packed_p);
    pack({w.dp, stride}, 0, count, pixels_, w.packed_ds);
    const simd::Map dq = head_of(run, dq_, sample, head);
    simd::multiply(simd::ConstBlocks::packed(w.packed_ds, count), stride / simd::block, count, w.keys_back, depth_, {},
                   {dq.data + first * dq.stride, dq.stride});
    add_products(w.packed_ds, w.queries, count, first > 0, w.dk);
    add_products(w.packed_p, w.slopes, count, first > 0, w.dv);
  }

  // pixels x depth, in tiles.
  void add_products(const float* by_pixel, const float* by_depth, Size count, bool add, float* sums) const {
    for (Size i = 0; i < padded_pixels(); i += simd::block)
      for (Size j = 0; j < padded_depth(); j += simd::block, sums += simd::block * simd::block)
        simd::outer_product(by_pixel + i * count, by_depth + j * count, count, add, sums);
  }

  void unpack(const float* sums, simd::Map y) const {
    for (Size i = 0; i < pixels_; i += simd::block)
      for (Size j = 0; j < depth_; j += simd::block, sums += simd::block * simd::block)
        simd::scale_rows({sums, simd::block}, 1, {}, std::min(simd::block, pixels_ - i),
                         std::min(simd::block, depth_ - j), {y.data + i * y.stride + j, y.stride});
  }

  static void pack(simd::Map x, Size first, Size count, Size inner, float* packed) {
    const float* rows[queries_at_once];
    for (Size i = 0; i < count; ++i) rows[i] = x.data + (first + i) * x.stride;
    simd::pack_rows(rows, count, inner, packed);
  }

  Size heads_, depth_, pixels_;
  Place q_, k_, v_, dy_, dq_, dk_, dv_;
};

}  // namespace

KernelPtr make_attention_gradient(int heads, const Place& q, const Place& k, const Place& v, const Place& dy,
                                  const Place& dq, const Place& dk, const Place& dv) {
  return std::make_unique<AttentionGradient>(heads, q, k, v, dy, dq, dk, dv);
}

}  // namespace scoresde
