#include "engine/simd_mask.h"

#include <cmath>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/simd_mask.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace scoresde::simd::HWY_NAMESPACE {

// Zeros instead of `kept` wherever a word is below the threshold.
void words_to_mask(const PhiloxStream& stream, std::uint32_t threshold, float kept, Size first, float* out, Size n) {
  for (Size j = first; j < n; ++j)
    out[j] = stream.block(static_cast<std::uint64_t>(j / 4))[static_cast<std::size_t>(j % 4)] < threshold ? 0 : kept;
}

#if HWY_TARGET == HWY_SCALAR
Size vectors_to_mask(const PhiloxStream&, std::uint32_t, float, float*, Size) { return 0; }
#else
namespace hn = hwy::HWY_NAMESPACE;

using U = hn::CappedTag<std::uint32_t, 16>;
using Words = hn::Vec<U>;

// High and low halves of x * factor.
HWY_INLINE void multiply_words(Words x, Words factor, Words& high, Words& low) {
  const U d;
  const hn::RepartitionToWide<U> wide;
  const auto even = hn::MulEven(x, factor);
  const auto odd = hn::MulEven(hn::BitCast(d, hn::ShiftRight<32>(hn::BitCast(wide, x))), factor);
  high = hn::OddEven(hn::BitCast(d, odd), hn::BitCast(d, hn::ShiftRight<32>(even)));
  low = hn::OddEven(hn::BitCast(d, hn::ShiftLeft<32>(odd)), hn::BitCast(d, even));
}

// Blocks `first` and on of the stream, one a lane.
HWY_INLINE void philox_blocks(const PhiloxStream& stream, std::uint32_t first, Words c[4]) {
  const U d;
  c[0] = hn::Iota(d, first);
  for (std::size_t k = 0; k < 3; ++k) c[k + 1] = hn::Set(d, stream.place[k]);
  const Words a = hn::Set(d, 0xD2511F53u), b = hn::Set(d, 0xCD9E8D57u);
  std::uint32_t k0 = stream.key[0], k1 = stream.key[1];
  for (int round = 0; round < 10; ++round, k0 += 0x9E3779B9u, k1 += 0xBB67AE85u) {
    Words high_a, low_a, high_b, low_b;
    multiply_words(c[0], a, high_a, low_a);
    multiply_words(c[2], b, high_b, low_b);
    c[0] = hn::Xor(hn::Xor(high_b, c[1]), hn::Set(d, k0));
    c[2] = hn::Xor(hn::Xor(high_a, c[3]), hn::Set(d, k1));
    c[1] = low_b;
    c[3] = low_a;
  }
}

// As many whole vectors of blocks as there are; returns how many elements those are.
Size vectors_to_mask(const PhiloxStream& stream, std::uint32_t threshold, float kept, float* out, Size n) {
  const U d;
  const hn::RebindToFloat<U> floats;
  const hn::RebindToSigned<U> integers;
  const Words sign = hn::Set(d, 0x80000000u);  // turns unsigned order into signed order
  const auto limit = hn::BitCast(integers, hn::Set(d, threshold ^ 0x80000000u));
  const auto value = hn::Set(floats, kept);
  const Size step = 4 * static_cast<Size>(hn::Lanes(d));
  Size first = 0;
  for (; first + step <= n; first += step) {
    Words words[4];
    philox_blocks(stream, static_cast<std::uint32_t>(first / 4), words);
    const auto mask = [&](Words w) HWY_ATTR {
      return hn::IfThenZeroElse(hn::RebindMask(floats, hn::Lt(hn::BitCast(integers, hn::Xor(w, sign)), limit)), value);
    };
    hn::StoreInterleaved4(mask(words[0]), mask(words[1]), mask(words[2]), mask(words[3]), floats, out + first);
  }
  return first;
}
#endif

void mask_of(const PhiloxStream& stream, std::uint32_t threshold, float kept, float* out, Size n) {
  words_to_mask(stream, threshold, kept, vectors_to_mask(stream, threshold, kept, out, n), out, n);
}

}  // namespace scoresde::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace scoresde::simd {

HWY_EXPORT(mask_of);

void dropout_mask(const PhiloxStream& stream, double rate, float* out, Size n) {
  const auto threshold = static_cast<std::uint32_t>(std::ceil(rate * 0x1p32));
  HWY_DYNAMIC_DISPATCH(mask_of)(stream, threshold, static_cast<float>(1 / (1 - rate)), out, n);
}

}  // namespace scoresde::simd
#endif
